//! Arrow string arrays, read in place.
//!
//! # Overview
//!
//! [`ArrowTexts`] takes over the arrays of anything that speaks the Arrow `PyCapsule` interface and
//! holds strings, in any of Arrow's layouts. The arrays keep their producer's memory alive.

use std::ffi::CStr;

use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_array::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream};
use arrow_array::types::{
    ArrowDictionaryKeyType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayReader, ArrayRef, make_array};
use arrow_schema::{ArrowError, DataType};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyList};

/// Strings of an Arrow array, chunked array or stream.
#[pyclass(frozen, module = "shardfit._rust")]
pub(crate) struct ArrowTexts {
    arrays: Vec<ArrayRef>,
}

#[pymethods]
impl ArrowTexts {
    /// Takes over the arrays of `data`, or returns None if they do not hold strings.
    #[staticmethod]
    fn read(data: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        if data.hasattr("__arrow_c_stream__")? {
            return Self::read_stream(data);
        }
        let (schema, array): (Bound<'_, PyCapsule>, Bound<'_, PyCapsule>) =
            data.call_method0("__arrow_c_array__")?.extract()?;
        let schema = pointer::<FFI_ArrowSchema>(&schema, c"arrow_schema")?;
        let array = pointer::<FFI_ArrowArray>(&array, c"arrow_array")?;
        // SAFETY: the interface says that capsules of these names hold these structures, initialised.
        // `from_raw` moves them out and leaves released ones behind, so the capsules, which stay alive
        // until the end of this function, will not release them a second time.
        let (schema, array) = unsafe {
            (
                FFI_ArrowSchema::from_raw(schema),
                FFI_ArrowArray::from_raw(array),
            )
        };
        if !is_text(&DataType::try_from(&schema).map_err(invalid)?) {
            return Ok(None);
        }
        // SAFETY: the array is what the producer exported together with this schema.
        let data = unsafe { from_ffi(array, &schema) }.map_err(invalid)?;
        Ok(Some(Self {
            arrays: vec![make_array(data)],
        }))
    }

    /// The strings as Python objects, with `null` where there is none.
    fn to_list<'py>(&self, null: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(null.py());
        self.visit(|bytes| match bytes {
            None => list.append(null),
            Some(bytes) => list.append(utf8(bytes)?),
        })?;
        Ok(list)
    }

    fn __len__(&self) -> usize {
        self.arrays.iter().map(Array::len).sum()
    }
}

impl ArrowTexts {
    fn read_stream(data: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let capsule: Bound<'_, PyCapsule> =
            data.call_method0("__arrow_c_stream__")?.extract()?;
        let stream = pointer::<FFI_ArrowArrayStream>(&capsule, c"arrow_array_stream")?;
        // SAFETY: as for arrays above: a capsule of this name holds an initialised stream, which is
        // moved out and left released.
        let reader = unsafe { ArrayStreamReader::from_raw(stream) }.map_err(invalid)?;
        if !is_text(reader.field().data_type()) {
            return Ok(None);
        }
        let arrays = reader.collect::<Result<_, _>>().map_err(invalid)?;
        Ok(Some(Self { arrays }))
    }

    /// Calls `visit` with the bytes of each string, or None where it is null.
    ///
    /// Producers promise UTF-8 but are not made to keep the promise, so bytes it is.
    pub(crate) fn visit<'a>(
        &'a self,
        mut visit: impl FnMut(Option<&'a [u8]>) -> PyResult<()>,
    ) -> PyResult<()> {
        self.arrays
            .iter()
            .try_for_each(|array| visit_array(array, &mut visit))
    }
}

type Visit<'a, 'v> = &'v mut dyn FnMut(Option<&'a [u8]>) -> PyResult<()>;

fn visit_array<'a>(array: &'a ArrayRef, visit: Visit<'a, '_>) -> PyResult<()> {
    match array.data_type() {
        DataType::Utf8 => {
            let values = array.as_string::<i32>();
            visit_values(array, |i| values.value(i).as_bytes(), visit)
        }
        DataType::LargeUtf8 => {
            let values = array.as_string::<i64>();
            visit_values(array, |i| values.value(i).as_bytes(), visit)
        }
        DataType::Utf8View => {
            let values = array.as_string_view();
            visit_values(array, |i| values.value(i).as_bytes(), visit)
        }
        DataType::Dictionary(key, _) => match key.as_ref() {
            DataType::Int8 => visit_dictionary::<Int8Type>(array, visit),
            DataType::Int16 => visit_dictionary::<Int16Type>(array, visit),
            DataType::Int32 => visit_dictionary::<Int32Type>(array, visit),
            DataType::Int64 => visit_dictionary::<Int64Type>(array, visit),
            DataType::UInt8 => visit_dictionary::<UInt8Type>(array, visit),
            DataType::UInt16 => visit_dictionary::<UInt16Type>(array, visit),
            DataType::UInt32 => visit_dictionary::<UInt32Type>(array, visit),
            _ => visit_dictionary::<UInt64Type>(array, visit),
        },
        other => unreachable!("{other} is no text"),
    }
}

fn visit_values<'a>(
    array: &ArrayRef,
    value: impl Fn(usize) -> &'a [u8],
    visit: Visit<'a, '_>,
) -> PyResult<()> {
    (0..array.len()).try_for_each(|i| visit(array.is_valid(i).then(|| value(i))))
}

fn visit_dictionary<'a, K: ArrowDictionaryKeyType>(
    array: &'a ArrayRef,
    visit: Visit<'a, '_>,
) -> PyResult<()> {
    let dictionary = array.as_dictionary::<K>();
    let mut values = Vec::with_capacity(dictionary.values().len());
    visit_array(dictionary.values(), &mut |value| {
        values.push(value);
        Ok(())
    })?;
    (0..array.len())
        .try_for_each(|i| visit(dictionary.key(i).and_then(|key| values[key])))
}

/// The string of these bytes.
pub(crate) fn utf8(bytes: &[u8]) -> PyResult<&str> {
    str::from_utf8(bytes).map_err(|error| {
        PyValueError::new_err(format!("the Arrow data is not UTF-8: {error}"))
    })
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => {
            matches!(
                **values,
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
            )
        }
        _ => false,
    }
}

fn pointer<T>(capsule: &Bound<'_, PyCapsule>, name: &'static CStr) -> PyResult<*mut T> {
    Ok(capsule.pointer_checked(Some(name))?.cast().as_ptr())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function in `map_err`"
)]
fn invalid(error: ArrowError) -> PyErr {
    PyValueError::new_err(format!("the Arrow data cannot be read: {error}"))
}

//! Arrow arrays of strings or bytes, read in place.
//!
//! # Overview
//!
//! [`ArrowTexts`] takes over the arrays of anything that speaks the Arrow `PyCapsule` interface and
//! holds strings or bytes, in any of Arrow's layouts. The arrays keep their producer's memory alive.

use std::ffi::CStr;

use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_array::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream};
use arrow_array::{AnyDictionaryArray, Array, ArrayReader, ArrayRef, make_array};
use arrow_schema::{ArrowError, DataType};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyList, PyString};
use shardfit_core::error::reserve;

use crate::errors::Failure;

/// Strings or bytes of an Arrow array, chunked array or stream.
#[pyclass(frozen, module = "shardfit._rust")]
pub(crate) struct ArrowTexts {
    arrays: Vec<ArrayRef>,
}

#[pymethods]
impl ArrowTexts {
    /// Takes over the arrays of `data`, or returns None if they hold neither strings nor bytes.
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
        let (schema, array) =
            unsafe { (FFI_ArrowSchema::from_raw(schema), FFI_ArrowArray::from_raw(array)) };
        if array.is_released() {
            return Err(PyValueError::new_err("the Arrow array has been taken over already"));
        }
        if !is_text(&DataType::try_from(&schema).map_err(invalid)?) {
            return Ok(None);
        }
        // SAFETY: the array is what the producer exported together with this schema.
        let data = unsafe { from_ffi(array, &schema) }.map_err(invalid)?;
        data.validate_full().map_err(invalid)?;
        Ok(Some(Self { arrays: vec![make_array(data)] }))
    }

    /// The elements as Python objects, with `null` where there is none.
    fn to_list<'py>(&self, null: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(null.py());
        self.visit(|element| list.append(element.to_object(null)))?;
        Ok(list)
    }
}

impl ArrowTexts {
    fn read_stream(data: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let capsule: Bound<'_, PyCapsule> = data.call_method0("__arrow_c_stream__")?.extract()?;
        let stream = pointer::<FFI_ArrowArrayStream>(&capsule, c"arrow_array_stream")?;
        // SAFETY: as for arrays above: a capsule of this name holds an initialised stream, which is
        // moved out and left released.
        let reader = unsafe { ArrayStreamReader::from_raw(stream) }.map_err(invalid)?;
        if !is_text(reader.field().data_type()) {
            return Ok(None);
        }
        let arrays = reader.collect::<Result<Vec<ArrayRef>, _>>().map_err(invalid)?;
        for array in &arrays {
            array.to_data().validate_full().map_err(invalid)?;
        }
        Ok(Some(Self { arrays }))
    }

    /// Calls `visit` with each element.
    pub(crate) fn visit<'a>(
        &'a self,
        mut visit: impl FnMut(Element<'a>) -> PyResult<()>,
    ) -> PyResult<()> {
        self.arrays.iter().try_for_each(|array| visit_array(array, &mut visit))
    }
}

/// An element of an Arrow array.
#[derive(Clone, Copy)]
pub(crate) enum Element<'a> {
    Null,
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl Element<'_> {
    pub(crate) fn to_object<'py>(self, null: &Bound<'py, PyAny>) -> Bound<'py, PyAny> {
        match self {
            Element::Null => null.clone(),
            Element::Text(text) => PyString::new(null.py(), text).into_any(),
            Element::Bytes(bytes) => PyBytes::new(null.py(), bytes).into_any(),
        }
    }
}

type Visit<'a, 'v> = &'v mut dyn FnMut(Element<'a>) -> PyResult<()>;

fn visit_array<'a>(array: &'a dyn Array, visit: Visit<'a, '_>) -> PyResult<()> {
    macro_rules! visit_values {
        ($values:expr, $variant:path) => {{
            let values = $values;
            (0..array.len()).try_for_each(|i| {
                visit(if array.is_valid(i) { $variant(values.value(i)) } else { Element::Null })
            })
        }};
    }
    match array.data_type() {
        DataType::Utf8 => visit_values!(array.as_string::<i32>(), Element::Text),
        DataType::LargeUtf8 => visit_values!(array.as_string::<i64>(), Element::Text),
        DataType::Utf8View => visit_values!(array.as_string_view(), Element::Text),
        DataType::Binary => visit_values!(array.as_binary::<i32>(), Element::Bytes),
        DataType::LargeBinary => visit_values!(array.as_binary::<i64>(), Element::Bytes),
        DataType::BinaryView => visit_values!(array.as_binary_view(), Element::Bytes),
        DataType::FixedSizeBinary(_) => {
            visit_values!(array.as_fixed_size_binary(), Element::Bytes)
        }
        _ => visit_dictionary(array.as_any_dictionary(), visit),
    }
}

fn visit_dictionary<'a>(
    dictionary: &'a dyn AnyDictionaryArray,
    visit: Visit<'a, '_>,
) -> PyResult<()> {
    let mut values = Vec::new();
    reserve(&mut values, dictionary.values().len()).map_err(Failure::from)?;
    visit_array(dictionary.values(), &mut |value| {
        values.push(value);
        Ok(())
    })?;
    if values.is_empty() {
        // Then every key is null.
        return (0..dictionary.len()).try_for_each(|_| visit(Element::Null));
    }
    let (keys, places) = (dictionary.keys(), dictionary.normalized_keys());
    places.into_iter().enumerate().try_for_each(|(i, place)| {
        visit(if keys.is_valid(i) { values[place] } else { Element::Null })
    })
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_text(values),
        _ => data_type.is_string() || data_type.is_binary(),
    }
}

fn pointer<T>(capsule: &Bound<'_, PyCapsule>, name: &'static CStr) -> PyResult<*mut T> {
    Ok(capsule.pointer_checked(Some(name))?.cast().as_ptr())
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function in `map_err`")]
fn invalid(error: ArrowError) -> PyErr {
    PyValueError::new_err(format!("the Arrow data cannot be read: {error}"))
}

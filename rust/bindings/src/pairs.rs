//! Hashing features that come with values of their own.

use numpy::IntoPyArray;
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyString, PyTuple};
use shardfit_core::error::reserve;
use shardfit_core::hashing::{Buckets, bucket, hash_in_order, sign};
use shardfit_core::parallel;

use crate::documents::{SMALL_BYTES, TokenStore};
use crate::errors::Failure;
use crate::feed::check_signals;
use crate::hashing::buckets;
use crate::kernel::kernel;
use crate::matrix::CsrArrays;

/// Features and their values, as listed by Python.
#[derive(Default)]
struct Pairs {
    names: TokenStore,
    values: Vec<f64>,
}

#[pyfunction]
pub(crate) fn hash_pairs<'py>(
    samples: &Bound<'py, PyIterator>,
    n_features: u64,
    alternate_sign: bool,
    n_threads: usize,
) -> PyResult<CsrArrays<'py>> {
    /// Names are hashed when this many bytes of them have been copied.
    const BATCH_BYTES: usize = 16 << 20;
    let py = samples.py();
    let buckets = buckets(n_features, alternate_sign)?;
    let mut pairs = Pairs::default();
    let (mut data, mut columns, mut indptr) = (Vec::new(), Vec::new(), vec![0_i64]);
    for (number, sample) in samples.clone().enumerate() {
        pairs.push_sample(&sample?)?;
        reserve(&mut indptr, 1).map_err(Failure::from)?;
        indptr.push((columns.len() + pairs.values.len()) as i64);
        if pairs.names.text.len() >= BATCH_BYTES {
            pairs.hash(py, buckets, n_threads, &mut data, &mut columns)?;
        }
        if number % (1 << 12) == 0 {
            py.check_signals()?;
        }
    }
    pairs.hash(py, buckets, n_threads, &mut data, &mut columns)?;
    (data.into_pyarray(py), columns.into_pyarray(py), indptr.into_pyarray(py)).into_pyobject(py)
}

impl Pairs {
    fn push_sample(&mut self, sample: &Bound<'_, PyAny>) -> Result<(), Failure> {
        for (i, pair) in sample.try_iter()?.enumerate() {
            if i % (1 << 16) == 0 {
                sample.py().check_signals()?;
            }
            let (name, value) = unpack(&pair?)?;
            self.push(&name, &value)?;
        }
        Ok(())
    }

    /// Adds one feature, in the order of scikit-learn's checks.
    fn push(&mut self, name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> Result<(), Failure> {
        let from = self.names.text.len();
        let number = if value.is_instance_of::<PyString>() {
            self.names.push_string(&join(name, value)?)?;
            self.names.close(from, 0)?;
            1.0
        } else {
            let number: f64 = value.extract()?;
            if number == 0.0 {
                return Ok(());
            }
            self.names.push(name, 0)?;
            number
        };
        reserve(&mut self.values, 1)?;
        self.values.push(number);
        Ok(())
    }

    /// Hashes what has been gathered, and forgets it.
    fn hash(
        &mut self,
        py: Python<'_>,
        buckets: Buckets,
        threads: usize,
        data: &mut Vec<f64>,
        columns: &mut Vec<i32>,
    ) -> Result<(), Failure> {
        const CHUNK: usize = 1 << 15;
        /// So few names are hashed before a thread has been started.
        const SMALL: usize = 1 << 11;
        self.names.pad()?;
        let TokenStore { text, spans } = &self.names;
        let kernel = kernel()?;
        let is_small = spans.len() <= SMALL && text.len() <= SMALL_BYTES;
        let threads = if is_small { 0 } else { threads };
        let keys = py.detach(|| {
            let mut chunks = Vec::new();
            reserve(&mut chunks, spans.len().div_ceil(CHUNK))?;
            chunks.extend(spans.chunks(CHUNK));
            let worker = || {
                let chunks = &chunks;
                move |chunk: usize, cancel: &_| {
                    hash_in_order(text, chunks[chunk], buckets, kernel, cancel)
                }
            };
            parallel::run(chunks.len(), threads, worker, check_signals)
        })?;
        reserve(data, spans.len())?;
        reserve(columns, spans.len())?;
        let keys = keys.iter().flatten().copied();
        for (key, value) in keys.zip(&self.values) {
            columns.push(bucket(key).cast_signed());
            // The sign of NaN turns as well, as it does in scikit-learn.
            data.push(if sign(key) < 0 { -value } else { *value });
        }
        self.names.text.clear();
        self.names.spans.clear();
        self.values.clear();
        Ok(())
    }
}

/// The feature `name=value` of a value that is a string.
fn join<'py>(
    name: &Bound<'py, PyAny>,
    value: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyString>> {
    let equals = intern!(name.py(), "=");
    let joined = name.str()?.add(equals)?.add(value.str()?)?;
    Ok(joined.cast_into()?)
}

/// Unpacks `name, value` from a pair of any type.
fn unpack<'py>(pair: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    if let Ok(tuple) = pair.cast_exact::<PyTuple>()
        && tuple.len() == 2
    {
        return Ok((tuple.get_item(0)?, tuple.get_item(1)?));
    }
    let mut items = pair.try_iter()?;
    let missing =
        |got| PyValueError::new_err(format!("not enough values to unpack (expected 2, got {got})"));
    let name = items.next().ok_or_else(|| missing(0))??;
    let value = items.next().ok_or_else(|| missing(1))??;
    match items.next() {
        None => Ok((name, value)),
        Some(surplus) => {
            surplus?;
            Err(PyValueError::new_err("too many values to unpack (expected 2)"))
        }
    }
}

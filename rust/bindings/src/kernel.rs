//! The kernel that this process uses.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use shardfit_core::kernel::{Kernel, available};

/// Names the kernel to use instead of the fastest.
const VARIABLE: &str = "SHARDFIT_KERNEL";
/// All kernels there are, on whatever processor, the fastest last.
const NAMES: [&str; 3] = ["scalar", "avx2", "avx512"];

/// One more than the place of the kernel among those available, or 0 before it has been chosen.
static CHOSEN: AtomicUsize = AtomicUsize::new(0);

/// The kernel that this process uses, which is chosen at the first call.
pub(crate) fn kernel() -> PyResult<&'static dyn Kernel> {
    match CHOSEN.load(Ordering::Relaxed) {
        0 => use_kernel(None).and_then(|_| kernel()),
        number => Ok(available()[number - 1]),
    }
}

/// The names of the kernels that this processor can run, the fastest last.
#[pyfunction]
pub(crate) fn available_kernels() -> Vec<&'static str> {
    available().iter().map(|kernel| kernel.name()).collect()
}

/// The name of the kernel that this process uses.
#[pyfunction]
pub(crate) fn kernel_in_use() -> PyResult<&'static str> {
    kernel().map(Kernel::name)
}

/// Makes this process use a kernel, and returns its name.
#[pyfunction]
pub(crate) fn use_kernel(name: Option<&str>) -> PyResult<&'static str> {
    let wanted = match name {
        Some(name) => Some((name.to_string(), "kernel")),
        // A variable that is empty is as good as none.
        None => std::env::var_os(VARIABLE)
            .filter(|name| !name.is_empty())
            .map(|name| (name.to_string_lossy().into_owned(), VARIABLE)),
    };
    let place = match wanted {
        None => available().len() - 1,
        Some((name, source)) => find(&name, source)?,
    };
    CHOSEN.store(place + 1, Ordering::Relaxed);
    Ok(available()[place].name())
}

fn find(name: &str, source: &str) -> PyResult<usize> {
    if let Some(place) = available().iter().position(|kernel| kernel.name() == name) {
        return Ok(place);
    }
    let usable = available_kernels().join("', '");
    Err(PyValueError::new_err(if NAMES.contains(&name) {
        format!("{source} is {name:?}, which this processor cannot run; it can run '{usable}'")
    } else {
        let names = NAMES.join("', '");
        format!("{source} must be one of '{names}', got {name:?}; leave it out for the fastest")
    }))
}

//! Hashing many short documents together.

use super::blocks::{find_tokens, gather};
use super::{count, hash, sort};
use crate::error::Result;
use crate::hashing::Counts;
use crate::kernel::short::{Buffers, Texts};

/// [`Kernel::hash_short`](crate::kernel::Kernel::hash_short).
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx512bitalg,avx512vpopcntdq,bmi1,bmi2,popcnt"
)]
pub(super) fn hash_short(
    texts: Texts<'_>,
    buffers: &mut Buffers,
    counts: &mut Counts,
    proceed: &dyn Fn() -> Result<()>,
) -> Result<usize> {
    let Texts { documents, splitting, buckets } = texts;
    let mut done = 0;
    let mut is_stopped = false;
    while done < documents.len() && !is_stopped {
        proceed()?;
        let gathered;
        (gathered, is_stopped) = gather(&documents[done..], splitting, buffers)?;
        done += gathered;
        find_tokens(buffers, splitting.rule.min_length)?;
        let Buffers { text, ends, spans, keys, spare, .. } = &mut *buffers;
        keys.clear();
        hash::hash(text, spans, buckets, keys)?;
        let mut start = 0;
        for &end in &*ends {
            let keys = &mut keys[start..end as usize];
            sort::sort_keys(keys, spare, proceed)?;
            count::count(keys, &mut counts.columns, &mut counts.sums)?;
            counts.row_ends.push(counts.columns.len());
            start = end as usize;
        }
    }
    Ok(done)
}

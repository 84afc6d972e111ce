//! Counts on their way from counting to the matrix.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use shardfit_core::hashing::Counts;
use shardfit_core::vocabulary::entries::{Packed, Store};

/// Terms and counts of documents.
type Documents = Vec<Vec<(u32, u32)>>;

fn documents() -> impl Strategy<Value = Documents> {
    let edges = select(vec![1, 2, 253, 254, 255, 256, 65_535, 65_536, 0x7fff_ffff]);
    let count = prop_oneof![4 => 1..5_u32, 1 => edges, 1 => 1..=0x7fff_ffff_u32];
    vec(vec((any::<u32>(), count), 0..20), 0..8)
}

fn pack(store: &mut Store, rows: &mut Counts, documents: &Documents) -> Packed {
    for document in documents {
        rows.columns.extend(document.iter().map(|entry| entry.0));
        rows.sums.extend(document.iter().map(|entry| entry.1.cast_signed()));
        rows.row_ends.push(rows.columns.len());
    }
    store.pack(rows).unwrap()
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(chunks in vec(documents(), 0..40)) {
        let (mut store, mut rows) = (Store::default(), Counts::default());
        let all: Vec<Packed> =
            chunks.iter().map(|chunk| pack(&mut store, &mut rows, chunk)).collect();
        for (packed, documents) in all.into_iter().zip(chunks) {
            let pairs = documents.concat();
            prop_assert_eq!(packed.len(), pairs.len());
            prop_assert_eq!(packed.is_empty(), pairs.is_empty());
            prop_assert_eq!(packed.row_ends().last().copied().unwrap_or(0), pairs.len());
            let unpacked: Documents = store.read(&packed, |entries| {
                assert_eq!(entries.len(), pairs.len());
                assert_eq!(entries.is_empty(), pairs.is_empty());
                assert_eq!(entries.n_documents(), documents.len());
                assert!(entries.rows().map(|row| row.len()).eq(documents.iter().map(Vec::len)));
                entries.rows().map(|row| row.iter().collect()).collect()
            });
            prop_assert_eq!(unpacked, documents);
            store.release(packed);
        }
    }
}

#[test]
fn rows_that_are_passed_over_leave_the_next_ones_right() {
    // Which large count belongs to which row must not depend on the rows before having been read.
    let documents =
        vec![vec![(1, 1000), (2, 7)], vec![(3, 2000), (4, 3000)], vec![], vec![(5, 4000)]];
    let mut store = Store::default();
    let packed = pack(&mut store, &mut Counts::default(), &documents);
    store.read(&packed, |entries| {
        for (place, document) in documents.iter().enumerate() {
            let mut rows = entries.rows().skip(place);
            assert!(rows.next().unwrap().iter().eq(document.iter().copied()));
        }
    });
}

#[test]
fn chunks_of_all_sizes_share_blocks() {
    let (mut store, mut rows) = (Store::default(), Counts::default());
    // From a few bytes to more than any block has by itself, and small ones again.
    let sizes = [3, 0, 100, 20_000, 1, 300_000, 700_000, 5, 90_000, 0, 250_000, 90_000, 7];
    let chunk = |size: u32| vec![(0..size).map(|i| (i, i % 300 + 1)).collect::<Vec<_>>()];
    let all: Vec<Packed> = sizes.map(|size| pack(&mut store, &mut rows, &chunk(size))).into();
    let check = |packed: &Packed, size| {
        let unpacked: Documents =
            store.read(packed, |entries| entries.rows().map(|row| row.iter().collect()).collect());
        assert!(unpacked == chunk(size), "{size}");
    };
    for (packed, size) in all.iter().zip(sizes) {
        check(packed, size);
    }
    // What has been released is not missed by the others, in whatever order.
    let mut waiting: Vec<_> = all.into_iter().zip(sizes).collect();
    while !waiting.is_empty() {
        store.release(waiting.swap_remove(waiting.len() / 2).0);
        for (packed, size) in &waiting {
            check(packed, *size);
        }
    }
}

#[test]
fn a_block_that_has_been_given_back_takes_no_more() {
    let (mut store, mut rows) = (Store::default(), Counts::default());
    let chunk = |number: u32| vec![(0..number).map(|i| (i, 1)).collect::<Vec<_>>()];
    for number in [100, 10, 0, 5, 40_000, 20] {
        let packed = pack(&mut store, &mut rows, &chunk(number));
        store.read(&packed, |entries| assert_eq!(entries.len(), number as usize));
        store.release(packed);
    }
}

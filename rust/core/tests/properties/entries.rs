//! Counts on their way from counting to the matrix.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use shardfit_core::hashing::Counts;
use shardfit_core::vocabulary::entries::Entries;

/// Terms and counts of documents.
type Documents = Vec<Vec<(u32, u32)>>;

fn documents() -> impl Strategy<Value = Documents> {
    let edges = select(vec![1, 2, 253, 254, 255, 256, 65_535, 65_536, 0x7fff_ffff]);
    let count = prop_oneof![4 => 1..5_u32, 1 => edges, 1 => 1..=0x7fff_ffff_u32];
    vec(vec((any::<u32>(), count), 0..20), 0..8)
}

fn pack(rows: &mut Counts, documents: &Documents) -> Entries {
    for document in documents {
        rows.columns.extend(document.iter().map(|entry| entry.0));
        rows.sums.extend(document.iter().map(|entry| entry.1.cast_signed()));
        rows.row_ends.push(rows.columns.len());
    }
    Entries::new(rows).unwrap()
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(chunks in vec(documents(), 0..4)) {
        let mut rows = Counts::default();
        let all: Vec<Entries> = chunks.iter().map(|chunk| pack(&mut rows, chunk)).collect();
        for (entries, documents) in all.iter().zip(chunks) {
            let pairs = documents.concat();
            prop_assert_eq!(entries.len(), pairs.len());
            prop_assert_eq!(entries.is_empty(), pairs.is_empty());
            prop_assert!(entries.numbers().eq(pairs.iter().map(|pair| pair.0)));
            let lengths = entries.rows().map(|row| row.len());
            prop_assert!(lengths.eq(documents.iter().map(Vec::len)));
            let rows: Documents = entries.rows().map(|row| row.iter().collect()).collect();
            prop_assert_eq!(rows, documents);
            prop_assert_eq!(entries.row_ends().last().copied().unwrap_or(0), pairs.len());
        }
    }
}

#[test]
fn rows_that_are_passed_over_leave_the_next_ones_right() {
    // Which large count belongs to which row must not depend on the rows before having been read.
    let documents =
        vec![vec![(1, 1000), (2, 7)], vec![(3, 2000), (4, 3000)], vec![], vec![(5, 4000)]];
    let entries = pack(&mut Counts::default(), &documents);
    for (place, document) in documents.iter().enumerate() {
        let mut rows = entries.rows().skip(place);
        assert!(rows.next().unwrap().iter().eq(document.iter().copied()));
    }
    assert!(Entries::default().rows().next().is_none());
}

//! Memory that is written to place by place.

use std::mem::MaybeUninit;

use proptest::prelude::*;
use shardfit_core::memory::write_all;

proptest! {
    #[test]
    fn each_place_gets_its_element(elements: Vec<u64>, surplus: Vec<u64>) {
        let mut places = vec![MaybeUninit::uninit(); elements.len()];
        // The size of such an iterator is not known before.
        let filtered = elements.iter().chain(&surplus).copied().filter(|_| true);
        prop_assert_eq!(write_all(&mut places, filtered), elements.as_slice());
    }
}

#[test]
fn an_element_that_is_not_needed_is_not_taken() {
    let mut elements = 1..;
    let mut places = [MaybeUninit::uninit(); 3];
    assert_eq!(write_all(&mut places, elements.by_ref()), [1, 2, 3]);
    assert_eq!(elements.next(), Some(4));
    assert_eq!(write_all(&mut [], elements.by_ref()), []);
    assert_eq!(elements.next(), Some(5));
}

#[test]
#[should_panic(expected = "there is an element for each place")]
fn a_place_without_an_element_is_not_handed_out() {
    write_all(&mut [MaybeUninit::uninit(); 3], [1, 2].into_iter());
}

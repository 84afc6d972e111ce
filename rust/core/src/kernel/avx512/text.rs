//! Folding 64 bytes of ASCII at a time, and asking each whether a token may hold it.

use std::arch::x86_64::*;

use crate::analyzer::TokenClass;

/// Set in a table for bytes of the class.
const MEMBER: u8 = 0x80;

/// For each ASCII character what becomes of it, with [`MEMBER`] if it belongs to the class.
type Table = [u8; 128];

static WORD: Table = table(TokenClass::Word, false);
static LOWER_WORD: Table = table(TokenClass::Word, true);
static NON_SPACE: Table = table(TokenClass::NonSpace, false);
static LOWER_NON_SPACE: Table = table(TokenClass::NonSpace, true);

const fn table(class: TokenClass, lowercase: bool) -> Table {
    let mut table = [0; 128];
    let mut byte = 0_u8;
    while byte < 128 {
        let folded = if lowercase { byte.to_ascii_lowercase() } else { byte };
        table[byte as usize] = if class.has_ascii(byte) { folded | MEMBER } else { folded };
        byte += 1;
    }
    table
}

/// Folds and classifies bytes: a table in two registers.
#[derive(Clone, Copy)]
pub(super) struct Classifier {
    low: __m512i,
    high: __m512i,
}

impl Classifier {
    #[target_feature(enable = "avx512f")]
    #[inline]
    pub(super) fn new(class: TokenClass, lowercase: bool) -> Self {
        let table = match (class, lowercase) {
            (TokenClass::Word, false) => &WORD,
            (TokenClass::Word, true) => &LOWER_WORD,
            (TokenClass::NonSpace, false) => &NON_SPACE,
            (TokenClass::NonSpace, true) => &LOWER_NON_SPACE,
        };
        let [low, high] = table.as_chunks::<64>().0 else { unreachable!("64 divides 128") };
        Self { low: load(low), high: load(high) }
    }

    /// The folded bytes, and a mask of those of the class.
    #[target_feature(enable = "avx512vbmi")]
    #[inline]
    pub(super) fn fold(self, bytes: __m512i) -> (__m512i, u64) {
        let entries = _mm512_permutex2var_epi8(self.low, bytes, self.high);
        let folded = _mm512_andnot_si512(_mm512_set1_epi8(MEMBER.cast_signed()), entries);
        (folded, _mm512_movepi8_mask(entries))
    }
}

/// Loads 64 bytes.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn load(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: 64 bytes can be read, at any alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// Loads up to 64 bytes, followed by spaces.
#[target_feature(enable = "avx512bw")]
#[inline]
pub(super) fn load_part(bytes: &[u8]) -> __m512i {
    debug_assert!(bytes.len() <= 64);
    let mask = u64::MAX.checked_shr(64 - bytes.len() as u32).unwrap_or(0);
    // SAFETY: only as many bytes are read as the slice holds, at any alignment.
    unsafe {
        _mm512_mask_loadu_epi8(_mm512_set1_epi8(b' '.cast_signed()), mask, bytes.as_ptr().cast())
    }
}

/// The numbers 0 to 63.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn iota() -> __m512i {
    static IOTA: [u8; 64] = {
        let mut iota = [0; 64];
        let mut i = 0;
        while i < 64 {
            iota[i as usize] = i;
            i += 1;
        }
        iota
    };
    load(&IOTA)
}

/// Writes the places of the set bits, each plus `base`, to `places`, and returns how many there are. What is written
/// behind them is anything.
///
/// # Safety
///
/// 64 numbers can be written.
#[target_feature(enable = "avx512vbmi2,popcnt")]
#[inline]
pub(super) unsafe fn store_places(bits: u64, base: u32, places: *mut u32) -> usize {
    let base = _mm512_set1_epi32(base.cast_signed());
    let packed = _mm512_maskz_compress_epi8(bits, iota());
    let count = bits.count_ones() as usize;
    let first = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(packed));
    let second = _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32::<1>(packed));
    // SAFETY: these are the first 32 places.
    unsafe {
        _mm512_storeu_si512(places.cast(), _mm512_add_epi32(first, base));
        _mm512_storeu_si512(places.add(16).cast(), _mm512_add_epi32(second, base));
    }
    // More than every other byte has an edge in hardly any text.
    if count > 32 {
        let third = _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32::<2>(packed));
        let fourth = _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32::<3>(packed));
        // SAFETY: these are the other 32 places.
        unsafe {
            _mm512_storeu_si512(places.add(32).cast(), _mm512_add_epi32(third, base));
            _mm512_storeu_si512(places.add(48).cast(), _mm512_add_epi32(fourth, base));
        }
    }
    count
}

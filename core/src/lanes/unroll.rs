//! Loops written out, so that every index is a constant and words stay in registers.

/// The body once for each of `0..16`, with `$i` a constant.
macro_rules! unroll16 {
    ($i:ident, $body:block) => {
        unroll16!(@ $i, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    (@ $i:ident, $body:block, $($n:literal)*) => {
        $({
            const $i: usize = $n;
            $body
        })*
    };
}

pub(super) use unroll16;

//! SM3 (GB/T 32905-2016 section 5).

use super::super::unroll::unroll16;
use super::super::word::{Word32, each};
use super::Md32;
use super::constants::{SM3_INIT, SM3_T};

/// SM3.
pub(in super::super) struct Sm3;

impl Md32 for Sm3 {
    const INIT: [u32; 8] = SM3_INIT;
    const DIGEST_WORDS: usize = 8;
    const BIG_ENDIAN: bool = true;

    #[inline(always)]
    fn compress<W: Word32>(state: &mut [W; 8], block: &mut [W; 16]) {
        let mut s = *state;
        unroll16!(I, { s = round::<W, false>(s, SM3_T[I], take(block, I)) });
        for sixteen in SM3_T[16..].chunks_exact(16) {
            unroll16!(I, { s = round::<W, true>(s, sixteen[I], take(block, I)) });
        }
        *state = each(|i| state[i].xor(s[i]));
    }

    /// W_j and W'_j of every round.
    type Schedule = [[u32; 2]; 64];

    #[inline(always)]
    fn schedule(block: &[u32; 16]) -> [[u32; 2]; 64] {
        let mut w = [0_u32; 68];
        w[..16].copy_from_slice(block);
        for j in 16..68 {
            let x = w[j - 16] ^ w[j - 9] ^ w[j - 3].rotate_left(15);
            let p1 = x ^ x.rotate_left(15) ^ x.rotate_left(23);
            w[j] = p1 ^ w[j - 13].rotate_left(7) ^ w[j - 6];
        }
        each(|j| [w[j], w[j] ^ w[j + 4]])
    }

    #[inline(always)]
    fn compress_shared<W: Word32>(state: &mut [W; 8], schedule: &[[u32; 2]; 64]) {
        let mut s = *state;
        for (r, (words, t)) in schedule.chunks_exact(16).zip(SM3_T.chunks_exact(16)).enumerate() {
            if r == 0 {
                unroll16!(I, { s = round::<W, false>(s, t[I], (W::splat(words[I][0]), W::splat(words[I][1]))) });
            } else {
                unroll16!(I, { s = round::<W, true>(s, t[I], (W::splat(words[I][0]), W::splat(words[I][1]))) });
            }
        }
        *state = each(|i| state[i].xor(s[i]));
    }
}

/// One round (section 5.3.3); `w` holds W_j and W'_j, and `MIXED` says that j is 16 or more.
#[inline(always)]
fn round<W: Word32, const MIXED: bool>([a, b, c, d, e, f, g, h]: [W; 8], t: u32, (w, w1): (W, W)) -> [W; 8] {
    let a12 = a.rotl::<12>();
    let ss1 = a12.add(e).add(W::splat(t)).rotl::<7>();
    let ss2 = ss1.xor(a12);
    let ff = if MIXED { a.majority(b, c) } else { a.xor3(b, c) };
    let gg = if MIXED { e.choose(f, g) } else { e.xor3(f, g) };
    let tt1 = ff.add(d).add(ss2).add(w1);
    let tt2 = gg.add(h).add(ss1).add(w);
    [tt1, a, b.rotl::<9>(), c, tt2.xor3(tt2.rotl::<9>(), tt2.rotl::<17>()), e, f.rotl::<19>(), g]
}

/// W_j and W'_j = W_j xor W_{j+4} (section 5.3.2); then W_{j+16} takes the place of W_j, i = j mod 16. The words past
/// W_67 are computed and never used: twelve of them, for rounds that are all alike.
#[inline(always)]
fn take<W: Word32>(w: &mut [W; 16], i: usize) -> (W, W) {
    let (this, later) = (w[i], w[(i + 4) % 16]);
    let x = this.xor3(w[(i + 7) % 16], w[(i + 13) % 16].rotl::<15>());
    let p1 = x.xor3(x.rotl::<15>(), x.rotl::<23>());
    w[i] = p1.xor3(w[(i + 3) % 16].rotl::<7>(), w[(i + 10) % 16]);
    (this, this.xor(later))
}

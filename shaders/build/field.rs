//! A prime in, WGSL functions of its field out: 9 limbs of 29 bits in `u32`, products in `u64` columns, every index constant.
//!
//! Two ways to reduce, chosen by the prime's shape. *Fold*: 2^261 mod p is short (2^255 - 19, secp256k1), so high limbs are
//! multiplied by it and added below. *Montgomery* with radix 2^29 for the others; where p = -1 mod 2^64 (P-256, SM2) the
//! quotient digit is the column itself and p + 1 has four signed bits, so that a reduction multiplies nothing.
//!
//! Bounds: a limb is *tight* at most [`Field::tight`], which multiplication and carrying give; sums and differences grow from
//! there, and [`Program::bounds`] says for each use whether the columns still fit 64 bits (six times tight by tight does).

use std::fmt::Write as _;

use num_bigint::BigUint;

use crate::program::{Program, Value};

/// Limbs of an element.
pub(crate) const LIMBS: usize = 9;
/// Bits of a limb.
pub(crate) const LIMB_BITS: u32 = 29;
const MASK: u64 = (1 << LIMB_BITS) - 1;

/// The largest value of each limb.
pub(crate) type Bounds = [u64; LIMBS];

/// How products are reduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reduction {
    /// High limbs times 2^261 mod p.
    Fold,
    /// Montgomery's, R = 2^261.
    Montgomery,
}

/// A prime field.
pub(crate) struct Field {
    /// What its functions' names begin with.
    pub(crate) prefix: &'static str,
    pub(crate) prime: BigUint,
    reduction: Reduction,
    /// 2^bits mod p in signed limbs: (limb, coefficient).
    excess: Vec<(usize, i64)>,
    bits: u32,
    pub(crate) tight: Bounds,
    pub(crate) mul: Program,
    pub(crate) sqr: Program,
    /// Empty for an order, whose elements are multiplied as they come.
    pub(crate) carry: Program,
    leave: Program,
}

/// A number's limbs; it is below 2^261.
pub(crate) fn limbs(number: &BigUint) -> [u32; LIMBS] {
    assert!(number.bits() <= u64::from(LIMB_BITS) * LIMBS as u64);
    std::array::from_fn(|limb| {
        let shifted = number >> (LIMB_BITS as usize * limb);
        (shifted & BigUint::from(MASK)).iter_u32_digits().next().unwrap_or(0)
    })
}

/// The number these limbs stand for.
pub(crate) fn number(limbs: &[u64]) -> BigUint {
    limbs.iter().rev().fold(BigUint::ZERO, |sum, limb| (sum << LIMB_BITS) + limb)
}

/// The inverses mod a prime of numbers that are not zero, by one inversion.
pub(crate) fn inverses(numbers: &[BigUint], prime: &BigUint) -> Vec<BigUint> {
    let mut products = vec![BigUint::from(1_u32)];
    for number in numbers {
        products.push(products.last().expect("one") * number % prime);
    }
    let mut inverse = products.pop().expect("the last").modinv(prime).expect("none is zero");
    let mut inverses = Vec::with_capacity(numbers.len());
    for (number, before) in numbers.iter().zip(products).rev() {
        inverses.push(before * &inverse % prime);
        inverse = inverse * number % prime;
    }
    inverses.reverse();
    inverses
}

/// The non-adjacent form: (bit, whether it is subtracted), ascending.
fn signed_bits(number: &BigUint) -> Vec<(u32, bool)> {
    let (mut rest, mut bit, mut terms) = (number.clone(), 0, Vec::new());
    while rest > BigUint::ZERO {
        if rest.bit(0) {
            let minus = rest.bit(1);
            terms.push((bit, minus));
            rest = if minus { rest + 1_u32 } else { rest - 1_u32 };
        }
        rest >>= 1;
        bit += 1;
    }
    terms
}

/// The least multiple of the prime with limb i at least `least[i]`: what is added so that a subtraction never falls below
/// zero. Limb i is below `least[i]` + 2^29.
fn multiple_above(prime: &BigUint, least: &[u64]) -> Vec<u64> {
    let base = number(least);
    let multiple = (&base + prime - 1_u32) / prime * prime;
    let mut above = least.to_vec();
    for (limb, more) in above.iter_mut().zip(limbs(&(multiple - base))) {
        *limb += u64::from(more);
    }
    above
}

impl Field {
    /// The field of this prime, of 253, 255 or 256 bits.
    pub(crate) fn new(prefix: &'static str, prime: BigUint) -> Self {
        let bits = prime.bits() as u32;
        let fold = limbs(&((BigUint::from(1_u32) << 261) % &prime)).iter().skip(2).all(|limb| *limb == 0);
        let excess = (BigUint::from(1_u32) << bits) % &prime;
        let excess = if fold {
            limbs(&excess)
                .iter()
                .enumerate()
                .filter(|(_, limb)| **limb > 0)
                .map(|(i, limb)| (i, i64::from(*limb)))
                .collect()
        } else {
            let term = |(bit, minus): (u32, bool)| {
                ((bit / LIMB_BITS) as usize, if minus { -1 } else { 1 } * (1_i64 << (bit % LIMB_BITS)))
            };
            signed_bits(&excess).into_iter().map(term).collect()
        };
        let reduction = if fold { Reduction::Fold } else { Reduction::Montgomery };
        let none = Program::default;
        let mut field = Self {
            prefix,
            prime,
            reduction,
            excess,
            bits,
            tight: [MASK; LIMBS],
            mul: none(),
            sqr: none(),
            carry: none(),
            leave: none(),
        };
        field.mul = field.multiplication();
        field.sqr = field.squaring();
        if !field.is_order() {
            field.carry = field.carrying();
        }
        field.leave = field.leaving();
        field.tight = field.tight_bounds();
        field
    }

    /// Bits of the top limb of a number below 2^bits.
    fn top_bits(&self) -> u32 {
        self.bits - LIMB_BITS * (LIMBS as u32 - 1)
    }

    /// Whether p = -1 mod 2^29 and p + 1 is sparse.
    fn is_sparse(&self) -> bool {
        let terms = signed_bits(&(&self.prime + 1_u32));
        terms[0].0 >= LIMB_BITS && terms.len() <= 5
    }

    /// The bounds that multiplication keeps when it is given them, six times them by them, or carried values.
    fn tight_bounds(&self) -> Bounds {
        let mut tight: Bounds = [MASK; LIMBS];
        tight[LIMBS - 1] = (1 << (self.top_bits() + 1)) + 64;
        let wide: Bounds = std::array::from_fn(|limb| if limb == LIMBS - 1 { tight[limb] * 8 } else { MASK * 5 });
        loop {
            let times = |factor: u64| tight.map(|limb| limb * factor);
            // Orders are multiplied as they come and never need more than twice.
            let pairs = if self.is_order() { vec![(1, 1), (2, 1)] } else { vec![(1, 1), (6, 1), (2, 3)] };
            let mut next = tight;
            let mut widen = |out: Vec<u64>| next.iter_mut().zip(out).for_each(|(next, out)| *next = (*next).max(out));
            // Any number of 256 bits may enter.
            let mut number: Bounds = [MASK; LIMBS];
            number[LIMBS - 1] = (1 << 24) - 1;
            let pairs = pairs.into_iter().map(|(a, b)| [times(a), times(b)].concat());
            for inputs in pairs.chain([[number, [MASK; LIMBS]].concat()]) {
                widen(self.mul.bounds(&inputs).unwrap_or_else(|why| panic!("{}_mul: {why}", self.prefix)));
            }
            if !self.is_order() {
                widen(self.carry.bounds(&wide).unwrap_or_else(|why| panic!("{}_carry: {why}", self.prefix)));
            }
            if next == tight {
                return tight;
            }
            tight = next;
        }
    }

    /// Whether this is a dense Montgomery field, which the groups' orders are.
    fn is_order(&self) -> bool {
        self.reduction == Reduction::Montgomery && !self.is_sparse()
    }

    /// What a number is multiplied with to enter the field's form, as limbs.
    pub(crate) fn form(&self, number: &BigUint) -> [u32; LIMBS] {
        match self.reduction {
            Reduction::Fold => limbs(&(number % &self.prime)),
            Reduction::Montgomery => limbs(&((number << 261) % &self.prime)),
        }
    }

    /// The number that limbs in the field's form stand for.
    #[cfg(test)]
    pub(crate) fn value(&self, limbs: &[u32]) -> BigUint {
        let limbs: Vec<u64> = limbs.iter().map(|limb| u64::from(*limb)).collect();
        let number = number(&limbs) % &self.prime;
        match self.reduction {
            Reduction::Fold => number,
            Reduction::Montgomery => {
                let radix: BigUint = BigUint::from(1_u32) << 261;
                let inverse = radix.modinv(&self.prime).expect("a prime");
                number * inverse % &self.prime
            }
        }
    }

    fn multiplication(&self) -> Program {
        let mut p = Program::default();
        let (a, b): ([Value; LIMBS], [Value; LIMBS]) = (p.inputs(), p.inputs());
        let mut columns = self.columns(&mut p);
        for (i, a) in a.iter().enumerate() {
            for (j, b) in b.iter().enumerate() {
                let product = p.mul(*a, *b);
                accumulate(&mut p, &mut columns[i + j], product);
            }
        }
        self.reduce(&mut p, columns);
        p
    }

    fn squaring(&self) -> Program {
        let mut p = Program::default();
        let a: [Value; LIMBS] = p.inputs();
        let doubled: Vec<Value> = a.iter().map(|limb| p.add(*limb, *limb)).collect();
        let mut columns = self.columns(&mut p);
        for i in 0..LIMBS {
            for j in i..LIMBS {
                let product = p.mul(if i == j { a[i] } else { doubled[i] }, a[j]);
                accumulate(&mut p, &mut columns[i + j], product);
            }
        }
        self.reduce(&mut p, columns);
        p
    }

    /// Columns before the products: none, or a multiple of the prime that keeps a sparse reduction from falling below zero
    /// (it subtracts at most 2^58 of columns 0 to 15).
    fn columns(&self, p: &mut Program) -> Vec<Option<Value>> {
        let mut columns = vec![None; 2 * LIMBS];
        let subtracts = signed_bits(&(&self.prime + 1_u32)).iter().any(|(_, minus)| *minus);
        if self.reduction == Reduction::Montgomery && self.is_sparse() && subtracts {
            for (column, above) in columns.iter_mut().zip(multiple_above(&self.prime, &[1 << 51; 16])) {
                *column = Some(p.long(above));
            }
        }
        columns
    }

    fn reduce(&self, p: &mut Program, columns: Vec<Option<Value>>) {
        match self.reduction {
            Reduction::Fold => self.fold(p, columns),
            Reduction::Montgomery => {
                for limb in self.montgomery(p, columns) {
                    p.output(limb);
                }
            }
        }
    }

    /// Columns 8 to 17 become limbs and are folded; then columns 0 to 8, and what is above the prime's bits once more.
    fn fold(&self, p: &mut Program, columns: Vec<Option<Value>>) {
        let mut c: Vec<Value> =
            columns.into_iter().take(2 * LIMBS - 1).map(|column| column.expect("products")).collect();
        let mut high = Vec::new();
        let mut carry = p.shr(c[LIMBS - 1], LIMB_BITS);
        c[LIMBS - 1] = p.and(c[LIMBS - 1], MASK);
        for column in &c[LIMBS..] {
            let sum = p.add(*column, carry);
            high.push(p.low_bits(sum, LIMB_BITS));
            carry = p.shr(sum, LIMB_BITS);
        }
        high.push(p.narrow(carry));
        let factor = limbs(&((BigUint::from(1_u32) << 261) % &self.prime));
        for (i, limb) in high.into_iter().enumerate() {
            for (j, factor_limb) in factor.iter().enumerate().filter(|(_, limb)| **limb > 0) {
                let targets: Vec<(usize, u32)> = if i + j < LIMBS {
                    vec![(i + j, *factor_limb)]
                } else {
                    // 2^522 = (2^261)^2: the factor once more.
                    let again = factor.iter().enumerate().filter(|(_, limb)| **limb > 0);
                    again
                        .map(|(k, again)| (i + j - LIMBS + k, factor_limb.checked_mul(*again).expect("short")))
                        .collect()
                };
                for (column, by) in targets {
                    let by = p.word(by);
                    let product = p.mul(limb, by);
                    c[column] = p.add(c[column], product);
                }
            }
        }
        self.fold_top(p, c);
    }

    /// Nine columns become tight limbs: carried upwards, and what lies above the prime's bits folded into the lowest.
    fn fold_top(&self, p: &mut Program, c: Vec<Value>) {
        let mut out = Vec::new();
        let mut carry = p.long(0);
        for column in &c[..LIMBS - 1] {
            let sum = p.add(*column, carry);
            out.push(p.low_bits(sum, LIMB_BITS));
            carry = p.shr(sum, LIMB_BITS);
        }
        let top = p.add(c[LIMBS - 1], carry);
        let above = p.shr(top, self.top_bits());
        let above = p.narrow(above);
        out.push(p.low_bits(top, self.top_bits()));
        for (limb, coefficient) in &self.excess {
            let by = p.word(u32::try_from(*coefficient).expect("a fold prime's excess is positive"));
            let product = p.mul(above, by);
            let product = p.narrow(product);
            out[*limb] = p.add(out[*limb], product);
        }
        for limb in out {
            p.output(limb);
        }
    }

    /// Nine steps of Montgomery's reduction, each of which makes the lowest column a multiple of 2^29; then the carries.
    fn montgomery(&self, p: &mut Program, columns: Vec<Option<Value>>) -> Vec<Value> {
        let mut c = columns;
        let modulus = BigUint::from(MASK + 1);
        let inverse = self.prime.modinv(&modulus).expect("odd");
        let negated = u32::try_from(&modulus - inverse).expect("29 bits");
        let terms = signed_bits(&(&self.prime + 1_u32));
        for i in 0..LIMBS {
            let column = c[i].take().expect("products or zero");
            if self.is_sparse() {
                // -1/p = 1: the digit is the column's low bits, and -m of m p = m (p + 1) - m clears them.
                let digit = p.low_bits(column, LIMB_BITS);
                let carry = p.shr(column, LIMB_BITS);
                accumulate(p, &mut c[i + 1], carry);
                for (bit, minus) in &terms {
                    let by = p.word(1 << (bit % LIMB_BITS));
                    let product = p.mul(digit, by);
                    let target = &mut c[i + (bit / LIMB_BITS) as usize];
                    match (minus, *target) {
                        (true, Some(value)) => *target = Some(p.sub(value, product)),
                        (true, None) => unreachable!("columns that are subtracted from begin above zero"),
                        (false, _) => accumulate(p, target, product),
                    }
                }
                continue;
            }
            let by = p.word(negated);
            let digit = p.mul_low(column, by);
            let digit = p.and(digit, MASK);
            let mut column = column;
            for (j, limb) in limbs(&self.prime).into_iter().enumerate().filter(|(_, limb)| *limb > 0) {
                let by = p.word(limb);
                let product = p.mul(digit, by);
                if j == 0 {
                    column = p.add(column, product);
                } else {
                    accumulate(p, &mut c[i + j], product);
                }
            }
            let carry = p.shr(column, LIMB_BITS);
            accumulate(p, &mut c[i + 1], carry);
        }
        let mut out = Vec::new();
        let mut carry = p.long(0);
        for column in &c[LIMBS..2 * LIMBS - 1] {
            let sum = p.add(column.expect("the highest term reaches them"), carry);
            out.push(p.low_bits(sum, LIMB_BITS));
            carry = p.shr(sum, LIMB_BITS);
        }
        let top = c[2 * LIMBS - 1].map_or(carry, |top| p.add(top, carry));
        out.push(p.narrow(top));
        out
    }

    /// Folds what is above the prime's bits by a look at the top limb, then carries once: any limbs to tight ones.
    fn carrying(&self) -> Program {
        let mut p = Program::default();
        let mut limb: Vec<Value> = p.inputs::<LIMBS>().to_vec();
        let above = p.shr(limb[LIMBS - 1], self.top_bits());
        limb[LIMBS - 1] = p.low_bits(limb[LIMBS - 1], self.top_bits());
        let least: Vec<u64> = (0..LIMBS)
            .map(|at| {
                self.excess
                    .iter()
                    .filter(|term| term.0 == at && term.1 < 0)
                    .map(|term| term.1.unsigned_abs() << 8)
                    .sum()
            })
            .collect();
        if least.iter().any(|least| *least > 0) {
            // A multiple of the prime, so that nothing falls below zero.
            for (limb, more) in limb.iter_mut().zip(multiple_above(&self.prime, &least)) {
                let more = p.word(u32::try_from(more).expect("a limb"));
                *limb = p.add(*limb, more);
            }
        }
        for (at, coefficient) in &self.excess {
            let by = p.word(u32::try_from(coefficient.unsigned_abs()).expect("a limb"));
            let product = p.mul(above, by);
            let product = p.narrow(product);
            limb[*at] = if *coefficient < 0 { p.sub(limb[*at], product) } else { p.add(limb[*at], product) };
        }
        let mut carry = p.word(0);
        for limb in &limb[..LIMBS - 1] {
            let sum = p.add(*limb, carry);
            let low = p.low_bits(sum, LIMB_BITS);
            p.output(low);
            carry = p.shr(sum, LIMB_BITS);
        }
        let top = p.add(limb[LIMBS - 1], carry);
        p.output(top);
        p
    }

    /// Out of the field's form, to the one number below the prime. Fold: of carried limbs twice over, so below 2^bits.
    /// Montgomery: the reduction of a number below 2^261 is at most p.
    fn leaving(&self) -> Program {
        let mut p = Program::default();
        let input: [Value; LIMBS] = p.inputs();
        let limb = match self.reduction {
            Reduction::Fold => input.to_vec(),
            Reduction::Montgomery => {
                let mut columns = self.columns(&mut p);
                for (column, limb) in columns.iter_mut().zip(input) {
                    accumulate(&mut p, column, limb);
                }
                for column in &mut columns[LIMBS..2 * LIMBS - 1] {
                    if column.is_none() {
                        *column = Some(p.long(0));
                    }
                }
                self.montgomery(&mut p, columns)
            }
        };
        self.subtract_prime_once(&mut p, &limb);
        p
    }

    /// A number below twice the prime, in carried limbs, minus the prime where it is not below it.
    fn subtract_prime_once(&self, p: &mut Program, limb: &[Value]) {
        let complement = limbs(&((BigUint::from(1_u32) << 261) - &self.prime));
        let mut carry = p.word(0);
        let mut less = Vec::new();
        for (limb, complement) in limb.iter().zip(complement) {
            let complement = p.word(complement);
            let sum = p.add(*limb, complement);
            let sum = p.add(sum, carry);
            less.push(p.low_bits(sum, LIMB_BITS));
            carry = p.shr(sum, LIMB_BITS);
        }
        for (limb, less) in limb.iter().zip(less) {
            let chosen = p.select(carry, less, *limb);
            p.output(chosen);
        }
    }

    /// a + b, limb by limb.
    pub(crate) fn addition() -> Program {
        let mut p = Program::default();
        let (a, b): ([Value; LIMBS], [Value; LIMBS]) = (p.inputs(), p.inputs());
        for (a, b) in a.into_iter().zip(b) {
            let sum = p.add(a, b);
            p.output(sum);
        }
        p
    }

    /// a - b for b at most `level` times tight, plus a multiple of the prime.
    pub(crate) fn subtraction(&self, level: u64) -> Program {
        let mut p = Program::default();
        let (a, b): ([Value; LIMBS], [Value; LIMBS]) = (p.inputs(), p.inputs());
        let above = multiple_above(&self.prime, &self.tight.map(|limb| limb * level));
        for ((a, b), above) in a.into_iter().zip(b).zip(above) {
            let above = p.word(u32::try_from(above).expect("a level that fits 32 bits"));
            let sum = p.add(a, above);
            let difference = p.sub(sum, b);
            p.output(difference);
        }
        p
    }

    /// What the WGSL function `leave` makes of an element.
    #[cfg(test)]
    pub(crate) fn left(&self, input: &[u32]) -> Vec<u32> {
        match self.reduction {
            Reduction::Fold => self.leave.eval(&self.carry.eval(&self.carry.eval(input))),
            Reduction::Montgomery => self.leave.eval(input),
        }
    }

    /// The field's functions and constants as WGSL.
    pub(crate) fn text(&self) -> String {
        let pre = self.prefix;
        let mut text = format!("// The field of {:#x}: generated.\n", self.prime);
        let zero = [0; LIMBS];
        let one = self.form(&BigUint::from(1_u32));
        text.push_str(&constant(&format!("{pre}_ZERO"), &zero));
        text.push_str(&constant(&format!("{pre}_ONE"), &one));
        text.push_str(&function(&format!("{pre}_mul"), &["a", "b"], &self.mul));
        text.push_str(&function(&format!("{pre}_sqr"), &["a"], &self.sqr));
        if !self.is_order() {
            text.push_str(&function(&format!("{pre}_carry"), &["a"], &self.carry));
        }
        text.push_str(&function(&format!("{pre}_add"), &["a", "b"], &Self::addition()));
        for level in [1, 2, 4] {
            let name = if level == 1 { format!("{pre}_sub") } else { format!("{pre}_sub{level}") };
            if level < 4 || !self.is_order() {
                text.push_str(&function(&name, &["a", "b"], &self.subtraction(level)));
            }
        }
        text.push_str(&function(&format!("{pre}_leave_carried"), &["a"], &self.leave));
        let (enter, leave) = match self.reduction {
            Reduction::Fold => ("limbs_of(a)".to_owned(), format!("{pre}_leave_carried({pre}_carry({pre}_carry(a)))")),
            Reduction::Montgomery => {
                let square = (BigUint::from(1_u32) << 522) % &self.prime;
                text.push_str(&constant(&format!("{pre}_R2"), &limbs(&square)));
                (format!("{pre}_mul(limbs_of(a), {pre}_R2)"), format!("{pre}_leave_carried(a)"))
            }
        };
        writeln!(
            text,
            "// A number of 256 bits in the field's form, and the one number below the prime of an element.\n\
             fn {pre}_enter(a: U256) -> Fe {{\n    return {enter};\n}}\n\n\
             fn {pre}_leave(a: Fe) -> U256 {{\n    return words_of({leave});\n}}\n\n\
             fn {pre}_is_zero(a: Fe) -> bool {{\n    return u256_is_zero({pre}_leave(a));\n}}\n\n\
             const {pre}_PRIME: U256 = {};\n",
            u256(&self.prime)
        )
        .expect("a string grows");
        text
    }
}

fn accumulate(p: &mut Program, column: &mut Option<Value>, value: Value) {
    *column = Some(match *column {
        Some(sum) => p.add(sum, value),
        None => p.widen(value),
    });
}

/// `const NAME: Fe = ...`.
pub(crate) fn constant(name: &str, limbs: &[u32; LIMBS]) -> String {
    let words: Vec<String> = limbs.iter().map(|limb| format!("{limb}u")).collect();
    format!("const {name}: Fe = Fe({});\n", words.join(", "))
}

/// A number's eight words as a WGSL value.
pub(crate) fn u256(number: &BigUint) -> String {
    let mut words: Vec<String> = number.iter_u32_digits().map(|word| format!("{word}u")).collect();
    words.resize(8, "0u".to_owned());
    format!("U256(vec4<u32>({}), vec4<u32>({}))", words[..4].join(", "), words[4..].join(", "))
}

/// A program from elements to an element as a WGSL function.
pub(crate) fn function(name: &str, arguments: &[&str], program: &Program) -> String {
    let inputs: Vec<String> =
        arguments.iter().flat_map(|argument| (0..LIMBS).map(move |limb| format!("{argument}.l{limb}"))).collect();
    let (body, outputs) = program.text(&inputs);
    let parameters: Vec<String> = arguments.iter().map(|argument| format!("{argument}: Fe")).collect();
    format!("\nfn {name}({}) -> Fe {{\n{body}    return Fe({});\n}}\n", parameters.join(", "), outputs.join(", "))
}

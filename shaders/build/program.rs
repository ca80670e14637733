//! Straight-line programs over 32- and 64-bit words: one list of operations, out of which come the WGSL text, the bounds of
//! every intermediate value, and an evaluation that the tests hold against big integers.

use std::fmt::Write as _;

/// The result of an operation, by its place in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Value(usize);

/// An operation. What may overflow is refused by [`Program::bounds`]; those named `low` drop high bits on purpose.
#[derive(Clone, Copy, Debug)]
enum Op {
    /// The program's input with this number, 32 bits.
    Input(usize),
    /// A 32-bit constant.
    Word(u32),
    /// A 64-bit constant.
    Long(u64),
    /// 32 bits as 64.
    Widen(Value),
    /// 64 bits that fit 32.
    Narrow(Value),
    /// The low 32 of 64 bits.
    NarrowLow(Value),
    /// 32 by 32 bits, all 64 of the product.
    Mul(Value, Value),
    /// 32 by 32 bits, the low 32.
    MulLow(Value, Value),
    Add(Value, Value),
    /// The second is never larger.
    Sub(Value, Value),
    Shr(Value, u32),
    And(Value, u64),
    /// The second where the first is not zero, else the third; 32 bits.
    Select(Value, Value, Value),
}

/// The least and the largest value.
pub(crate) type Range = (u64, u64);

/// A straight-line program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    ops: Vec<Op>,
    long: Vec<bool>,
    inputs: usize,
    outputs: Vec<Value>,
    /// Products of two values, and products with a constant.
    pub(crate) products: usize,
    pub(crate) products_by_constant: usize,
}

impl Program {
    fn push(&mut self, op: Op, long: bool) -> Value {
        self.ops.push(op);
        self.long.push(long);
        Value(self.ops.len() - 1)
    }

    fn is_long(&self, value: Value) -> bool {
        self.long[value.0]
    }

    /// The next `N` inputs.
    pub(crate) fn inputs<const N: usize>(&mut self) -> [Value; N] {
        std::array::from_fn(|_| {
            self.inputs += 1;
            self.push(Op::Input(self.inputs - 1), false)
        })
    }

    pub(crate) fn word(&mut self, word: u32) -> Value {
        self.push(Op::Word(word), false)
    }

    pub(crate) fn long(&mut self, long: u64) -> Value {
        self.push(Op::Long(long), true)
    }

    pub(crate) fn widen(&mut self, value: Value) -> Value {
        if self.is_long(value) { value } else { self.push(Op::Widen(value), true) }
    }

    pub(crate) fn mul(&mut self, a: Value, b: Value) -> Value {
        let constant = |op: Op| matches!(op, Op::Word(_));
        if constant(self.ops[a.0]) || constant(self.ops[b.0]) {
            self.products_by_constant += 1;
        } else {
            self.products += 1;
        }
        self.push(Op::Mul(a, b), true)
    }

    /// The low 32 bits of the product of the low 32 bits.
    pub(crate) fn mul_low(&mut self, a: Value, b: Value) -> Value {
        let (a, b) = (self.narrow_low(a), self.narrow_low(b));
        self.push(Op::MulLow(a, b), false)
    }

    /// A value that fits 32 bits.
    pub(crate) fn narrow(&mut self, value: Value) -> Value {
        if self.is_long(value) { self.push(Op::Narrow(value), false) } else { value }
    }

    /// The low 32 bits.
    fn narrow_low(&mut self, value: Value) -> Value {
        if self.is_long(value) { self.push(Op::NarrowLow(value), false) } else { value }
    }

    pub(crate) fn add(&mut self, a: Value, b: Value) -> Value {
        self.same_width(a, b, Op::Add)
    }

    pub(crate) fn sub(&mut self, a: Value, b: Value) -> Value {
        self.same_width(a, b, Op::Sub)
    }

    fn same_width(&mut self, a: Value, b: Value, op: fn(Value, Value) -> Op) -> Value {
        let long = self.is_long(a) || self.is_long(b);
        let (a, b) = if long { (self.widen(a), self.widen(b)) } else { (a, b) };
        self.push(op(a, b), long)
    }

    pub(crate) fn shr(&mut self, value: Value, bits: u32) -> Value {
        let long = self.is_long(value);
        self.push(Op::Shr(value, bits), long)
    }

    pub(crate) fn and(&mut self, value: Value, mask: u64) -> Value {
        let long = self.is_long(value);
        self.push(Op::And(value, mask), long)
    }

    /// The low `bits`, at most 32, as a 32-bit value.
    pub(crate) fn low_bits(&mut self, value: Value, bits: u32) -> Value {
        let low = self.narrow_low(value);
        self.and(low, (1 << bits) - 1)
    }

    pub(crate) fn select(&mut self, condition: Value, if_set: Value, if_not: Value) -> Value {
        self.push(Op::Select(condition, if_set, if_not), false)
    }

    pub(crate) fn output(&mut self, value: Value) {
        let value = self.narrow(value);
        self.outputs.push(value);
    }

    /// The ranges of the outputs, from the largest value of each input.
    ///
    /// # Errors
    /// Which operation might overflow, or fall below zero.
    pub(crate) fn bounds(&self, inputs: &[u64]) -> Result<Vec<u64>, String> {
        assert_eq!(inputs.len(), self.inputs);
        let mut ranges: Vec<Range> = Vec::with_capacity(self.ops.len());
        for (place, op) in self.ops.iter().enumerate() {
            let most = if self.long[place] { u64::MAX } else { u64::from(u32::MAX) };
            let range = range_of(*op, inputs, &ranges).filter(|(_, high)| *high <= most);
            ranges.push(range.ok_or_else(|| format!("operation {place}, {op:?}, leaves its width"))?);
        }
        Ok(self.outputs.iter().map(|output| ranges[output.0].1).collect())
    }

    /// The outputs for these inputs.
    ///
    /// # Panics
    /// When a value leaves its width, which [`Program::bounds`] of the inputs excludes.
    #[cfg(test)]
    pub(crate) fn eval(&self, inputs: &[u32]) -> Vec<u32> {
        assert_eq!(inputs.len(), self.inputs);
        let mut values: Vec<u64> = Vec::with_capacity(self.ops.len());
        for (place, op) in self.ops.iter().enumerate() {
            let at = |value: Value| values[value.0];
            let low = |value: u64| value & u64::from(u32::MAX);
            let value = match *op {
                Op::Input(input) => u64::from(inputs[input]),
                Op::Word(word) => u64::from(word),
                Op::Long(long) => long,
                Op::Widen(a) => at(a),
                Op::Narrow(a) => at(a),
                Op::NarrowLow(a) => low(at(a)),
                Op::Mul(a, b) => at(a) * at(b),
                Op::MulLow(a, b) => low(at(a) * at(b)),
                Op::Add(a, b) => at(a).checked_add(at(b)).expect("bounded"),
                Op::Sub(a, b) => at(a).checked_sub(at(b)).expect("bounded"),
                Op::Shr(a, bits) => at(a) >> bits,
                Op::And(a, mask) => at(a) & mask,
                Op::Select(condition, a, b) => at(if at(condition) == 0 { b } else { a }),
            };
            assert!(self.long[place] || value <= u64::from(u32::MAX), "operation {place} leaves 32 bits");
            values.push(value);
        }
        self.outputs.iter().map(|output| values[output.0] as u32).collect()
    }

    /// The statements of a WGSL function, input `i` being written `inputs[i]`; and the words of the outputs.
    pub(crate) fn text(&self, inputs: &[String]) -> (String, Vec<String>) {
        assert_eq!(inputs.len(), self.inputs);
        let mut text = String::new();
        let name = |value: Value| match self.ops[value.0] {
            Op::Input(input) => inputs[input].clone(),
            Op::Word(word) => format!("{word}u"),
            Op::Long(long) => format!("{long}lu"),
            _ => format!("t{}", value.0),
        };
        for (place, op) in self.ops.iter().enumerate() {
            let mask = |mask: u64| if self.long[place] { format!("{mask}lu") } else { format!("{mask}u") };
            let right = match *op {
                Op::Input(_) | Op::Word(_) | Op::Long(_) => continue,
                Op::Widen(a) => format!("u64({})", name(a)),
                Op::Narrow(a) | Op::NarrowLow(a) => format!("u32({})", name(a)),
                Op::Mul(a, b) => format!("u64({}) * u64({})", name(a), name(b)),
                Op::MulLow(a, b) => format!("{} * {}", name(a), name(b)),
                Op::Add(a, b) => format!("{} + {}", name(a), name(b)),
                Op::Sub(a, b) => format!("{} - {}", name(a), name(b)),
                Op::Shr(a, bits) => format!("{} >> {bits}u", name(a)),
                Op::And(a, bits) => format!("{} & {}", name(a), mask(bits)),
                Op::Select(condition, a, b) => format!("select({}, {}, {} != 0u)", name(b), name(a), name(condition)),
            };
            writeln!(text, "    let t{place} = {right};").expect("a string grows");
        }
        (text, self.outputs.iter().map(|output| name(*output)).collect())
    }
}

/// The range of an operation's value; `None` where it might leave 64 bits or fall below zero.
fn range_of(op: Op, inputs: &[u64], ranges: &[Range]) -> Option<Range> {
    let at = |value: Value| ranges[value.0];
    let word = u64::from(u32::MAX);
    Some(match op {
        Op::Input(input) => (0, inputs[input]),
        Op::Word(word) => (u64::from(word), u64::from(word)),
        Op::Long(long) => (long, long),
        Op::Widen(a) | Op::Narrow(a) => at(a),
        Op::NarrowLow(a) if at(a).1 <= word => at(a),
        Op::NarrowLow(_) | Op::MulLow(..) => (0, word),
        Op::Mul(a, b) => (at(a).0 * at(b).0, at(a).1.checked_mul(at(b).1)?),
        Op::Add(a, b) => (at(a).0 + at(b).0, at(a).1.checked_add(at(b).1)?),
        Op::Sub(a, b) => (at(a).0.checked_sub(at(b).1)?, at(a).1 - at(b).0),
        Op::Shr(a, bits) => (at(a).0 >> bits, at(a).1 >> bits),
        Op::And(a, mask) => (0, at(a).1.min(mask)),
        Op::Select(_, a, b) => (at(a).0.min(at(b).0), at(a).1.max(at(b).1)),
    })
}

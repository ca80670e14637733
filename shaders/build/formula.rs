//! Formulas over a field: written once as steps, with the bounds of every limb followed through, a carry put in where a
//! product or a sum would not fit; out come a WGSL function and, in tests, an evaluation over big integers.

use std::fmt::Write as _;

#[cfg(test)]
use num_bigint::BigUint;

use crate::field::{Bounds, Field};

/// An element: the result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct El(usize);

#[derive(Clone, Debug)]
enum Step {
    /// A WGSL expression.
    Input(String),
    Mul(El, El),
    Sqr(El),
    Carry(El),
    Add(El, El),
    /// a - b, b at most this many times tight.
    Sub(El, El, u64),
}

/// Steps over one field.
pub(crate) struct Formula<'f> {
    field: &'f Field,
    steps: Vec<Step>,
    bounds: Vec<Bounds>,
    carried: Vec<Option<El>>,
}

impl<'f> Formula<'f> {
    pub(crate) fn new(field: &'f Field) -> Self {
        Self { field, steps: Vec::new(), bounds: Vec::new(), carried: Vec::new() }
    }

    fn push(&mut self, step: Step, bounds: Bounds) -> El {
        self.steps.push(step);
        self.bounds.push(bounds);
        self.carried.push(None);
        El(self.steps.len() - 1)
    }

    /// A tight element, by its WGSL expression.
    pub(crate) fn input(&mut self, expression: &str) -> El {
        self.push(Step::Input(expression.to_owned()), self.field.tight)
    }

    /// An element within these bounds, by its WGSL expression.
    pub(crate) fn input_within(&mut self, expression: &str, bounds: Bounds) -> El {
        self.push(Step::Input(expression.to_owned()), bounds)
    }

    pub(crate) fn bounds_of(&self, a: El) -> Bounds {
        self.bounds[a.0]
    }

    /// The three tight elements `x`, `y`, `z` of a WGSL value.
    pub(crate) fn point(&mut self, expression: &str) -> [El; 3] {
        ["x", "y", "z"].map(|coordinate| self.input(&format!("{expression}.{coordinate}")))
    }

    /// Brought back to tight limbs.
    pub(crate) fn carry(&mut self, a: El) -> El {
        if let Some(carried) = self.carried[a.0] {
            return carried;
        }
        let out = self.field.carry.bounds(&self.bounds[a.0]).unwrap_or_else(|why| panic!("a carry: {why}"));
        let carried = self.push(Step::Carry(a), out.try_into().expect("limbs"));
        self.carried[a.0] = Some(carried);
        carried
    }

    /// The carried form if there is one already: it costs nothing more.
    fn best(&self, a: El) -> El {
        self.carried[a.0].unwrap_or(a)
    }

    fn larger(&self, a: El, b: El) -> bool {
        self.bounds[a.0].iter().max() >= self.bounds[b.0].iter().max()
    }

    /// A sum's bounds, if it fits its words and can still be carried.
    fn fitting(&self, sum: Result<Vec<u64>, String>) -> Option<Bounds> {
        sum.ok().filter(|out| self.field.carry.bounds(out).is_ok()).map(|out| out.try_into().expect("limbs"))
    }

    pub(crate) fn mul(&mut self, a: El, b: El) -> El {
        let (mut a, mut b) = (self.best(a), self.best(b));
        loop {
            match self.field.mul.bounds(&[self.bounds[a.0], self.bounds[b.0]].concat()) {
                Ok(out) => return self.push(Step::Mul(a, b), out.try_into().expect("limbs")),
                Err(_) if self.larger(a, b) => a = self.carry(a),
                Err(_) => b = self.carry(b),
            }
        }
    }

    pub(crate) fn sqr(&mut self, a: El) -> El {
        let mut a = self.best(a);
        loop {
            match self.field.sqr.bounds(&self.bounds[a.0]) {
                Ok(out) => return self.push(Step::Sqr(a), out.try_into().expect("limbs")),
                Err(_) => a = self.carry(a),
            }
        }
    }

    pub(crate) fn add(&mut self, a: El, b: El) -> El {
        let (mut a, mut b) = (a, b);
        loop {
            match self.fitting(Field::addition().bounds(&[self.bounds[a.0], self.bounds[b.0]].concat())) {
                Some(out) => return self.push(Step::Add(a, b), out),
                None if self.larger(a, b) => a = self.carry(a),
                None => b = self.carry(b),
            }
        }
    }

    pub(crate) fn sub(&mut self, a: El, b: El) -> El {
        let (mut a, mut b) = (a, b);
        loop {
            let fits =
                |level: &u64| self.bounds[b.0].iter().zip(self.field.tight).all(|(b, tight)| *b <= tight * level);
            let Some(level) = [1, 2, 4].into_iter().find(fits) else {
                b = self.carry(b);
                continue;
            };
            let bounds = self.field.subtraction(level).bounds(&[self.bounds[a.0], self.bounds[b.0]].concat());
            match self.fitting(bounds) {
                Some(out) => return self.push(Step::Sub(a, b, level), out),
                None if level > 1 && self.larger(b, a) => b = self.carry(b),
                None => a = self.carry(a),
            }
        }
    }

    pub(crate) fn double(&mut self, a: El) -> El {
        self.add(a, a)
    }

    pub(crate) fn triple(&mut self, a: El) -> El {
        let twice = self.add(a, a);
        self.add(twice, a)
    }

    /// Products and squares.
    pub(crate) fn cost(&self) -> (usize, usize) {
        let count = |is: fn(&Step) -> bool| self.steps.iter().filter(|step| is(step)).count();
        (count(|step| matches!(step, Step::Mul(..))), count(|step| matches!(step, Step::Sqr(_))))
    }

    /// `fn NAME(PARAMETERS) -> RESULT`, whose result is made of the outputs, carried until tight.
    pub(crate) fn function(mut self, name: &str, parameters: &str, result: &str, outputs: &[El]) -> String {
        let outputs: Vec<El> = outputs.iter().map(|output| self.tight(*output)).collect();
        self.function_as_it_is(name, parameters, result, &outputs)
    }

    /// The same with outputs that are whatever they are: who reads them is told their bounds.
    pub(crate) fn function_as_it_is(self, name: &str, parameters: &str, result: &str, outputs: &[El]) -> String {
        let (products, squares) = self.cost();
        let mut text =
            format!("\n// {products} products, {squares} squares.\nfn {name}({parameters}) -> {result} {{\n");
        let name = |el: El| match &self.steps[el.0] {
            Step::Input(expression) => expression.clone(),
            _ => format!("v{}", el.0),
        };
        let pre = self.field.prefix;
        for (place, step) in self.steps.iter().enumerate() {
            let right = match step {
                Step::Input(_) => continue,
                Step::Mul(a, b) => format!("{pre}_mul({}, {})", name(*a), name(*b)),
                Step::Sqr(a) => format!("{pre}_sqr({})", name(*a)),
                Step::Carry(a) => format!("{pre}_carry({})", name(*a)),
                Step::Add(a, b) => format!("{pre}_add({}, {})", name(*a), name(*b)),
                Step::Sub(a, b, 1) => format!("{pre}_sub({}, {})", name(*a), name(*b)),
                Step::Sub(a, b, level) => format!("{pre}_sub{level}({}, {})", name(*a), name(*b)),
            };
            writeln!(text, "    let v{place} = {right};").expect("a string grows");
        }
        let outputs: Vec<String> = outputs.iter().map(|output| name(*output)).collect();
        let value = if result == "Fe" { outputs[0].clone() } else { format!("{result}({})", outputs.join(", ")) };
        writeln!(text, "    return {value};\n}}").expect("a string grows");
        text
    }

    /// `fn NAME(PARAMETERS) -> Fe` of one element and what it is made of.
    pub(crate) fn function_of(mut self, name: &str, parameters: &str, output: El) -> String {
        let output = self.tight(output);
        let mut is_used = vec![false; self.steps.len()];
        is_used[output.0] = true;
        for place in (0..self.steps.len()).rev() {
            if is_used[place] {
                self.operands(place).into_iter().for_each(|el| is_used[el.0] = true);
            }
        }
        // What nobody reads becomes an input, which has no text.
        for (step, _) in self.steps.iter_mut().zip(is_used).filter(|(_, is_used)| !is_used) {
            *step = Step::Input(String::new());
        }
        self.function_as_it_is(name, parameters, "Fe", &[output])
    }

    fn operands(&self, place: usize) -> Vec<El> {
        match &self.steps[place] {
            Step::Input(_) => Vec::new(),
            Step::Sqr(a) | Step::Carry(a) => vec![*a],
            Step::Mul(a, b) | Step::Add(a, b) | Step::Sub(a, b, _) => vec![*a, *b],
        }
    }

    /// The element, carried unless it is tight.
    pub(crate) fn tight(&mut self, a: El) -> El {
        let a = self.best(a);
        if self.bounds[a.0].iter().zip(self.field.tight).all(|(bound, tight)| *bound <= tight) {
            return a;
        }
        let carried = self.carry(a);
        let bounds = self.bounds[carried.0];
        assert!(bounds.iter().zip(self.field.tight).all(|(bound, tight)| *bound <= tight), "carried is tight");
        carried
    }

    /// The elements' values, the inputs' being given in their order.
    #[cfg(test)]
    pub(crate) fn eval(&self, inputs: &[BigUint], of: &[El]) -> Vec<BigUint> {
        let p = &self.field.prime;
        let mut inputs = inputs.iter();
        let mut values: Vec<BigUint> = Vec::new();
        for step in &self.steps {
            let at = |el: &El| &values[el.0];
            let value = match step {
                Step::Input(_) => inputs.next().expect("an input").clone(),
                Step::Mul(a, b) => at(a) * at(b) % p,
                Step::Sqr(a) => at(a) * at(a) % p,
                Step::Carry(a) => at(a).clone(),
                Step::Add(a, b) => (at(a) + at(b)) % p,
                Step::Sub(a, b, _) => (at(a) + p - at(b)) % p,
            };
            values.push(value);
        }
        of.iter().map(|el| values[el.0].clone()).collect()
    }
}

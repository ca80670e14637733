//! What the group's formulas ask of a field, so that they can be tried on every point of a tiny curve.

/// A number that can be multiplied.
pub(super) trait Element: Copy {
    /// A product, or a sum or difference of some, before it is a number again.
    type Sum: Sum<Element = Self>;

    /// The product.
    fn mul(self, other: Self) -> Self::Sum;
    /// The square.
    fn square(self) -> Self::Sum;
    /// The number as a sum of one.
    fn widen(self) -> Self::Sum;
    /// Its negative, for a multiplication alone.
    fn negate(self) -> Self;
    /// Lane i of `other` where bit i of `mask` is set, else of `self`.
    fn select(self, mask: u8, other: Self) -> Self;

    /// The sum, as a number.
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.widen().plus(other.widen()).carry()
    }
    /// The difference, as a number.
    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        self.widen().less_product(other.widen()).carry()
    }
}

/// A sum of a few products. At most two products are summed, one is subtracted from at most two, and a difference of two
/// from at most two: a field's bounds need allow no more.
pub(super) trait Sum: Copy {
    /// The number it becomes.
    type Element;

    /// The sum.
    fn plus(self, other: Self) -> Self;
    /// The difference to one product, or to one number.
    fn less_product(self, product: Self) -> Self;
    /// The difference to what [`Sum::less_product`] gave for two products.
    fn less_difference(self, difference: Self) -> Self;
    /// The number.
    fn carry(self) -> Self::Element;
}

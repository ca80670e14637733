// The sum by complete formulas, for the few items whose sum met a case that the loop leaves out.

fn u256_bit(a: U256, at: u32) -> bool {
    return ((u256_word(a, at >> 5u) >> (at & 31u)) & 1u) != 0u;
}

// The sum in projective coordinates, of an item that needs it; bit by bit, one addition in the text.
fn complete_sum(item: u32) -> Point {
    let scalars = item_scalars(item, load_fe(item, AT_DIVISOR));
    let point = load_entry(item, 0u);
    var sum = Point(fe_ZERO, fe_ONE, fe_ZERO);
    for (var left = 256u; left > 0u; left -= 1u) {
        for (var step = 0u; step < 3u; step += 1u) {
            var operand = sum;
            if (step == 1u) {
                if (!u256_bit(scalars.base, left - 1u)) {
                    continue;
                }
                operand = Point(BASE_X, BASE_Y, fe_ONE);
            } else if (step == 2u) {
                if (!u256_bit(scalars.point, left - 1u)) {
                    continue;
                }
                operand = Point(point.x, point.y, fe_ONE);
            }
            sum = point_add_complete(sum, operand);
        }
    }
    return sum;
}

// The last passes of a kernel that looks only at x: verdicts from Jacobian sums, then those that need complete formulas.
//
// The kernel's own text says which x mod n the sum must have: `item_x`.

fn store_sum_y(item: u32, y: Fe) {
}

// The sum's x is X over `divisor`: compared without dividing, as what it must be mod n and, where that is below p, plus n.
fn conclude(item: u32, x: Fe, divisor: Fe) {
    let own = item_x(item);
    var equal = fe_is_zero(fe_sub(fe_mul(fe_enter(own), divisor), x));
    if (!equal && u256_below(own, FIELD_MINUS_ORDER)) {
        equal = fe_is_zero(fe_sub(fe_mul(fe_enter(u256_add(own, sc_PRIME)), divisor), x));
    }
    verdict(item, select(INVALID_EQUATION, VALID, equal));
}

@compute @workgroup_size(64)
fn finish(@builtin(global_invocation_id) id: vec3<u32>) {
    let item = id.x;
    if (item >= parameters.items || load_word(item, AT_STATUS) != GOES_ON) {
        return;
    }
    conclude(item, load_fe(item, AT_SUM_X), fe_sqr(load_fe(item, AT_SUM_Z)));
}

@compute @workgroup_size(64)
fn complete(@builtin(global_invocation_id) id: vec3<u32>) {
    let item = id.x;
    if (item >= parameters.items || load_word(item, AT_STATUS) != NEEDS_COMPLETE) {
        return;
    }
    let sum = complete_sum(item);
    if (fe_is_zero(sum.z)) {
        // Infinity.
        verdict(item, INVALID_EQUATION);
        return;
    }
    conclude(item, sum.x, sum.z);
}

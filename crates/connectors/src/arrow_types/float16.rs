//! 16-bit floats: IEEE 754 binary16.

/// The value of 16 bits, exactly.
pub(crate) fn widen(bits: u16) -> f32 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let fraction = f32::from(bits & 0x3ff);
    match (bits >> 10) & 0x1f {
        0 => sign * fraction * 2f32.powi(-24),
        0x1f if fraction == 0.0 => sign * f32::INFINITY,
        0x1f => f32::NAN,
        exponent => sign * (1024.0 + fraction) * 2f32.powi(i32::from(exponent) - 25),
    }
}

/// The fewest digits that no other 16-bit float is nearer to.
pub(super) fn shortest(value: f32) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    // Half the distance to the nearest other value: those below a power of two are half as far apart as those above it, and
    // below 2^-14 all are equally far apart.
    let power = f64::from(value.abs()).log2();
    let exponent = power.floor().max(-14.0);
    let is_border = power == exponent && exponent > -14.0;
    let half = 2f64.powf(exponent - if is_border { 12.0 } else { 11.0 });
    let digits = |places| format!("{value:.places$e}").parse::<f64>().ok();
    let near = |number: &f64| (number - f64::from(value)).abs() < half;
    let shortest = (0..5).find_map(|places| digits(places).filter(near));
    shortest.unwrap_or_else(|| f64::from(value)).to_string()
}

//! Digits of doubles by the Grisu2 algorithm (Florian Loitsch, 2010).
//!
//! The digits read back as the same double and are nearly always the fewest that do. Which digits
//! come out in the remaining cases is part of the algorithm; C++ Mesos uses it too, so that both
//! spell every double alike.

/// Significands, rounded to 64 bits, of ten to the power of -348, -340, up to 340.
static POWERS: [u64; 87] = [
    0xfa8f_d5a0_081c_0288,
    0xbaae_e17f_a23e_bf76,
    0x8b16_fb20_3055_ac76,
    0xcf42_894a_5dce_35ea,
    0x9a6b_b0aa_5565_3b2d,
    0xe61a_cf03_3d1a_45df,
    0xab70_fe17_c79a_c6ca,
    0xff77_b1fc_bebc_dc4f,
    0xbe56_91ef_416b_d60c,
    0x8dd0_1fad_907f_fc3c,
    0xd351_5c28_3155_9a83,
    0x9d71_ac8f_ada6_c9b5,
    0xea9c_2277_23ee_8bcb,
    0xaecc_4991_4078_536d,
    0x823c_1279_5db6_ce57,
    0xc210_9436_4dfb_5637,
    0x9096_ea6f_3848_984f,
    0xd774_85cb_2582_3ac7,
    0xa086_cfcd_97bf_97f4,
    0xef34_0a98_172a_ace5,
    0xb238_67fb_2a35_b28e,
    0x84c8_d4df_d2c6_3f3b,
    0xc5dd_4427_1ad3_cdba,
    0x936b_9fce_bb25_c996,
    0xdbac_6c24_7d62_a584,
    0xa3ab_6658_0d5f_daf6,
    0xf3e2_f893_dec3_f126,
    0xb5b5_ada8_aaff_80b8,
    0x8762_5f05_6c7c_4a8b,
    0xc9bc_ff60_34c1_3053,
    0x964e_858c_91ba_2655,
    0xdff9_7724_7029_7ebd,
    0xa6df_bd9f_b8e5_b88f,
    0xf8a9_5fcf_8874_7d94,
    0xb944_7093_8fa8_9bcf,
    0x8a08_f0f8_bf0f_156b,
    0xcdb0_2555_6531_31b6,
    0x993f_e2c6_d07b_7fac,
    0xe45c_10c4_2a2b_3b06,
    0xaa24_2499_6973_92d3,
    0xfd87_b5f2_8300_ca0e,
    0xbce5_0864_9211_1aeb,
    0x8cbc_cc09_6f50_88cc,
    0xd1b7_1758_e219_652c,
    0x9c40_0000_0000_0000,
    0xe8d4_a510_0000_0000,
    0xad78_ebc5_ac62_0000,
    0x813f_3978_f894_0984,
    0xc097_ce7b_c907_15b3,
    0x8f7e_32ce_7bea_5c70,
    0xd5d2_38a4_abe9_8068,
    0x9f4f_2726_179a_2245,
    0xed63_a231_d4c4_fb27,
    0xb0de_6538_8cc8_ada8,
    0x83c7_088e_1aab_65db,
    0xc45d_1df9_4271_1d9a,
    0x924d_692c_a61b_e758,
    0xda01_ee64_1a70_8dea,
    0xa26d_a399_9aef_774a,
    0xf209_787b_b47d_6b85,
    0xb454_e4a1_79dd_1877,
    0x865b_8692_5b9b_c5c2,
    0xc835_53c5_c896_5d3d,
    0x952a_b45c_fa97_a0b3,
    0xde46_9fbd_99a0_5fe3,
    0xa59b_c234_db39_8c25,
    0xf6c6_9a72_a398_9f5c,
    0xb7dc_bf53_54e9_bece,
    0x88fc_f317_f222_41e2,
    0xcc20_ce9b_d35c_78a5,
    0x9816_5af3_7b21_53df,
    0xe2a0_b5dc_971f_303a,
    0xa8d9_d153_5ce3_b396,
    0xfb9b_7cd9_a4a7_443c,
    0xbb76_4c4c_a7a4_4410,
    0x8bab_8eef_b640_9c1a,
    0xd01f_ef10_a657_842c,
    0x9b10_a4e5_e991_3129,
    0xe710_9bfb_a19c_0c9d,
    0xac28_20d9_623b_f429,
    0x8044_4b5e_7aa7_cf85,
    0xbf21_e440_03ac_dd2d,
    0x8e67_9c2f_5e44_ff8f,
    0xd433_179d_9c8c_b841,
    0x9e19_db92_b4e3_1ba9,
    0xeb96_bf6e_badf_77d9,
    0xaf87_023b_9bf0_ee6b,
];

static TENS: [u64; 10] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
];

const HIDDEN_BIT: u64 = 1 << 52;

/// A significand times a power of two.
#[derive(Clone, Copy)]
struct Scaled {
    significand: u64,
    exponent: i32,
}

impl Scaled {
    fn of(value: f64) -> Self {
        let bits = value.to_bits();
        let fraction = bits & (HIDDEN_BIT - 1);
        match i32::try_from(bits >> 52 & 0x7ff).unwrap_or_default() {
            0 => Self {
                significand: fraction,
                exponent: -1074,
            },
            biased => Self {
                significand: fraction | HIDDEN_BIT,
                exponent: biased - 1075,
            },
        }
    }

    fn normalized(self) -> Self {
        let shift = self.significand.leading_zeros();
        Self {
            significand: self.significand << shift,
            exponent: self.exponent - shift.cast_signed(),
        }
    }

    /// The ends of the interval of numbers that read back as this double.
    fn boundaries(self) -> (Self, Self) {
        let above = Self {
            significand: (self.significand << 1) + 1,
            exponent: self.exponent - 1,
        };
        let above = above.normalized();
        let below = if self.significand == HIDDEN_BIT {
            Self {
                significand: (self.significand << 2) - 1,
                exponent: self.exponent - 2,
            }
        } else {
            Self {
                significand: (self.significand << 1) - 1,
                exponent: self.exponent - 1,
            }
        };
        let shift = below.exponent - above.exponent;
        let below = Self {
            significand: below.significand << shift,
            exponent: above.exponent,
        };
        (below, above)
    }

    fn times(self, other: Self) -> Self {
        let product = u128::from(self.significand) * u128::from(other.significand);
        let rounded = (product + (1 << 63)) >> 64;
        Self {
            significand: u64::try_from(rounded).unwrap_or(u64::MAX),
            exponent: self.exponent + other.exponent + 64,
        }
    }
}

/// A power of ten that brings a number with this exponent into range, and its own exponent of ten.
fn cached_power(exponent: i32) -> (Scaled, i32) {
    // The smallest k with 10^k >= 2^(-61 - exponent), from a fixed point logarithm of two.
    let scaled = i64::from(-61 - exponent) * 1_292_913_986;
    let k = i32::try_from(-(-scaled >> 32)).unwrap_or_default();
    let index = ((k + 347) >> 3) + 1;
    let power = index * 8 - 348;
    let significand = usize::try_from(index)
        .ok()
        .and_then(|index| POWERS.get(index));
    let exponent = ((power * 1_741_647) >> 19) - 63;
    (
        Scaled {
            significand: significand.copied().unwrap_or_default(),
            exponent,
        },
        -power,
    )
}

/// Decimal digits of a double.
pub(super) struct Digits {
    bytes: [u8; 20],
    count: usize,
    /// The digits, read as one whole number, are to be multiplied by ten to this power.
    pub(super) power: i32,
}

impl Digits {
    /// Digits of a finite, positive double.
    pub(super) fn of(value: f64) -> Self {
        let value = Scaled::of(value);
        let (below, above) = value.boundaries();
        let (ten, power) = cached_power(above.exponent);
        let middle = value.normalized().times(ten);
        let mut above = above.times(ten);
        let mut below = below.times(ten);
        below.significand += 1;
        above.significand -= 1;
        let mut digits = Self {
            bytes: [0; 20],
            count: 0,
            power,
        };
        digits.generate(middle, above, above.significand - below.significand);
        digits
    }

    /// The digits in ASCII, without leading zeros.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.count).unwrap_or_default()
    }

    fn push(&mut self, digit: u64) {
        if digit == 0 && self.count == 0 {
            return;
        }
        if let Some(place) = self.bytes.get_mut(self.count) {
            *place = b'0' + u8::try_from(digit).unwrap_or_default();
            self.count += 1;
        }
    }

    fn generate(&mut self, middle: Scaled, above: Scaled, mut delta: u64) {
        let shift = above.exponent.unsigned_abs();
        let one = 1u64 << shift;
        let distance = above.significand - middle.significand;
        let mut whole = above.significand >> shift;
        let mut fraction = above.significand & (one - 1);
        let mut left = TENS.iter().take_while(|ten| **ten <= whole).count();
        while left > 0 {
            left -= 1;
            let ten = TENS.get(left).copied().unwrap_or(1);
            self.push(whole / ten);
            whole %= ten;
            let rest = (whole << shift) + fraction;
            if rest <= delta {
                self.power += i32::try_from(left).unwrap_or_default();
                self.round(delta, rest, ten << shift, distance);
                return;
            }
        }
        let mut steps = 0;
        loop {
            fraction *= 10;
            delta *= 10;
            self.push(fraction >> shift);
            fraction &= one - 1;
            steps += 1;
            if fraction < delta {
                self.power -= i32::try_from(steps).unwrap_or_default();
                let scale = TENS
                    .get(steps)
                    .filter(|_| steps < 9)
                    .copied()
                    .unwrap_or_default();
                self.round(delta, fraction, one, distance.wrapping_mul(scale));
                return;
            }
        }
    }

    /// Moves the last digit towards the middle of the interval.
    fn round(&mut self, delta: u64, mut rest: u64, ten: u64, distance: u64) {
        let last = self
            .count
            .checked_sub(1)
            .and_then(|last| self.bytes.get_mut(last));
        let Some(last) = last else { return };
        while rest < distance
            && delta - rest >= ten
            && (rest + ten < distance || distance - rest > rest + ten - distance)
        {
            *last -= 1;
            rest += ten;
        }
    }
}

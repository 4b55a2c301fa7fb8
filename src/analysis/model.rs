//! The cost model of a chained table, fitted to a sweep over bucket counts.

/// Residuals beyond this part of the model are flagged.
pub(crate) const FLAGGED: f64 = 0.25;

/// Nanoseconds an operation in so many buckets: `base_ns + step_ns · (α/2 + 1)`, α the entries a
/// bucket. A hit in a chain that is searched from the front walks (n + 1)/2 of its n entries, and
/// chains are seen in proportion to their length, which for keys spread at random comes to α/2 + 1
/// (Knuth, "The Art of Computer Programming", volume 3, section 6.4).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Model {
    /// Entries in the table.
    pub entries: f64,
    /// What the harness costs, measured.
    pub base_ns: f64,
    /// What a step of the walk costs, fitted.
    pub step_ns: f64,
}

impl Model {
    /// Fits the nanoseconds a step to pairs of bucket count and nanoseconds an operation: least
    /// squares of relative errors, so that short chains count as much as long ones.
    pub fn fit(
        entries: f64,
        base_ns: f64,
        measured: impl Iterator<Item = (f64, f64)>,
    ) -> Option<Model> {
        let mut model = Model {
            entries,
            base_ns,
            step_ns: 0.0,
        };
        let (mut above, mut below) = (0.0, 0.0);
        for (buckets, ns) in measured {
            let part = model.steps(buckets) / ns;
            above += (1.0 - base_ns / ns) * part;
            below += part * part;
        }
        let step_ns = above / below;
        model.step_ns = step_ns;
        (step_ns.is_finite() && step_ns > 0.0).then_some(model)
    }

    fn steps(&self, buckets: f64) -> f64 {
        self.entries / buckets / 2.0 + 1.0
    }

    /// What it says of so many buckets.
    pub fn ns(&self, buckets: f64) -> f64 {
        self.base_ns + self.step_ns * self.steps(buckets)
    }

    /// By which part of the model a measurement lies above it (or below, negative).
    pub fn residual(&self, buckets: f64, ns: f64) -> f64 {
        ns / self.ns(buckets) - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_obeys_the_model_gives_its_parameters_back() {
        let told = Model {
            entries: 1e6,
            base_ns: 15.0,
            step_ns: 40.0,
        };
        let counts = [256.0, 1024.0, 65536.0, 1_048_576.0];
        let measured = counts.map(|buckets| (buckets, told.ns(buckets)));
        let fitted = Model::fit(1e6, 15.0, measured.into_iter()).unwrap();
        assert!((fitted.step_ns / 40.0 - 1.0).abs() < 1e-9, "{fitted:?}");
        assert!(fitted.residual(1024.0, fitted.ns(1024.0) * 1.5) > FLAGGED);
        assert!(fitted.residual(1024.0, fitted.ns(1024.0)).abs() < FLAGGED);
    }

    #[test]
    fn no_points_and_nothing_but_harness_give_no_model() {
        assert_eq!(Model::fit(1e6, 15.0, std::iter::empty()), None);
        assert_eq!(Model::fit(1e6, 15.0, [(64.0, 15.0)].into_iter()), None);
    }
}

//! The Universal Scalability Law: what contention and coherency leave of further workers.

/// The law's coefficients: N workers do `λN / (1 + σ(N − 1) + κN(N − 1))` operations a second.
///
/// **Source:** Gunther, "A General Theory of Computational Scalability Based on Rational Functions",
/// arXiv:0808.1431, 2008; "Guerrilla Capacity Planning", Springer, 2007, chapter 5.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usl {
    /// λ: operations a second of one worker.
    pub lambda: f64,
    /// σ: the part of the work that waits for others, from 0 (contention).
    pub sigma: f64,
    /// κ: what each pair of workers costs in keeping their views alike, from 0 (coherency).
    pub kappa: f64,
}

impl Usl {
    /// Fits the law to pairs of workers and rate. `N/X = (1 + σ(N − 1) + κN(N − 1)) / λ` is linear in
    /// its coefficients; least squares of relative errors, σ and κ not below 0. `None` with fewer
    /// than three numbers of workers, and where a rate is not above 0.
    #[must_use]
    pub fn fit(points: &[(f64, f64)]) -> Option<Usl> {
        let mut workers: Vec<f64> = points.iter().map(|point| point.0).collect();
        workers.sort_by(f64::total_cmp);
        workers.dedup();
        if workers.len() < 3 || points.iter().any(|(n, rate)| !(*n >= 1.0 && *rate > 0.0)) {
            return None;
        }
        let rows: Vec<[f64; 3]> = points
            .iter()
            .map(|(n, rate)| {
                let weight = rate / n;
                [weight, weight * (n - 1.0), weight * n * (n - 1.0)]
            })
            .collect();
        // Few coefficients: of all choices of what is held at 0, the best that obeys the bounds.
        let choices: [&[usize]; 4] = [&[0, 1, 2], &[0, 1], &[0, 2], &[0]];
        let fits = choices.iter().filter_map(|free| least_squares(&rows, free));
        let allowed =
            fits.filter(|(found, _)| found[0] > 0.0 && found[1] >= 0.0 && found[2] >= 0.0);
        let (best, _) = allowed.min_by(|a, b| a.1.total_cmp(&b.1))?;
        let fit = Usl {
            lambda: 1.0 / best[0],
            sigma: best[1] / best[0],
            kappa: best[2] / best[0],
        };
        (fit.lambda.is_finite() && fit.sigma.is_finite() && fit.kappa.is_finite()).then_some(fit)
    }

    /// The rate of so many workers.
    #[must_use]
    pub fn rate(&self, workers: f64) -> f64 {
        let waits = self.sigma * (workers - 1.0) + self.kappa * workers * (workers - 1.0);
        self.lambda * workers / (1.0 + waits)
    }

    /// The number of workers beyond which more of them do less; `None` where there is none.
    #[must_use]
    pub fn peak(&self) -> Option<f64> {
        let peak = ((1.0 - self.sigma) / self.kappa).sqrt();
        (self.kappa > 0.0 && peak.is_finite()).then(|| peak.max(1.0))
    }
}

/// The coefficients that bring the rows nearest to 1, those not free held at 0, and what is left: the
/// sum of squares.
fn least_squares(rows: &[[f64; 3]], free: &[usize]) -> Option<([f64; 3], f64)> {
    let mut matrix = vec![vec![0.0; free.len() + 1]; free.len()];
    for row in rows {
        for (line, &i) in matrix.iter_mut().zip(free) {
            for (place, &j) in free.iter().enumerate() {
                line[place] += row[i] * row[j];
            }
            line[free.len()] += row[i];
        }
    }
    let solved = solve(matrix)?;
    let mut found = [0.0; 3];
    for (&place, value) in free.iter().zip(solved) {
        found[place] = value;
    }
    let left = rows.iter().map(|row| {
        let sum: f64 = row.iter().zip(found).map(|(a, b)| a * b).sum();
        (1.0 - sum).powi(2)
    });
    let left = left.sum();
    Some((found, left))
}

/// Gaussian elimination with partial pivoting; the last column is the right-hand side.
fn solve(mut matrix: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let size = matrix.len();
    for at in 0..size {
        let pivot =
            (at..size).max_by(|&a, &b| matrix[a][at].abs().total_cmp(&matrix[b][at].abs()))?;
        matrix.swap(at, pivot);
        let line = matrix[at].clone();
        if line[at] == 0.0 || !line[at].is_finite() {
            return None;
        }
        for (other, row) in matrix.iter_mut().enumerate() {
            if other == at {
                continue;
            }
            let factor = row[at] / line[at];
            for (value, above) in row.iter_mut().zip(&line).skip(at) {
                *value -= factor * above;
            }
        }
    }
    Some(
        (0..size)
            .map(|at| matrix[at][size] / matrix[at][at])
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(law: Usl, workers: &[f64]) -> Vec<(f64, f64)> {
        workers.iter().map(|&n| (n, law.rate(n))).collect()
    }

    #[test]
    fn rates_that_obey_the_law_give_its_coefficients_back() {
        let law = Usl {
            lambda: 2e6,
            sigma: 0.04,
            kappa: 0.000_9,
        };
        let fitted = Usl::fit(&points(law, &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0])).unwrap();
        assert!(
            (fitted.lambda / law.lambda - 1.0).abs() < 1e-6,
            "{fitted:?}"
        );
        assert!((fitted.sigma - law.sigma).abs() < 1e-6, "{fitted:?}");
        assert!((fitted.kappa - law.kappa).abs() < 1e-6, "{fitted:?}");
        let peak = fitted.peak().unwrap();
        assert!((peak - 32.66).abs() < 0.1, "{peak}");
        assert!(fitted.rate(peak) > fitted.rate(peak + 2.0));
    }

    #[test]
    fn what_scales_fully_and_more_has_no_contention() {
        let linear: Vec<(f64, f64)> = [1.0, 2.0, 3.0, 4.0].map(|n| (n, 1e6 * n)).to_vec();
        let fitted = Usl::fit(&linear).unwrap();
        assert!(fitted.sigma < 1e-9 && fitted.kappa < 1e-9, "{fitted:?}");
        assert_eq!(
            Usl {
                kappa: 0.0,
                ..fitted
            }
            .peak(),
            None
        );
        let more: Vec<(f64, f64)> = [1.0, 2.0, 3.0, 4.0]
            .map(|n: f64| (n, 1e6 * n.powf(1.1)))
            .to_vec();
        let fitted = Usl::fit(&more).unwrap();
        assert!(
            fitted.sigma.abs() < 1e-12 && fitted.kappa.abs() < 1e-12,
            "{fitted:?}"
        );
    }

    #[test]
    fn too_little_gives_no_law() {
        assert_eq!(Usl::fit(&[]), None);
        assert_eq!(Usl::fit(&[(1.0, 1e6), (2.0, 2e6), (2.0, 2.1e6)]), None);
        assert_eq!(Usl::fit(&[(1.0, 1e6), (2.0, 0.0), (4.0, 2e6)]), None);
        assert_eq!(Usl::fit(&[(1.0, 1e6), (2.0, f64::NAN), (4.0, 2e6)]), None);
    }
}

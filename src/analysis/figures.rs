//! Small functions that all computations of figures share.

/// A finite figure above zero: what a scale can hold.
pub(crate) fn positive(figure: f64) -> Option<f64> {
    (figure.is_finite() && figure > 0.0).then_some(figure)
}

/// The smallest and the largest positive figure.
pub(crate) fn extremes(figures: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let figures = figures.into_iter().filter_map(positive);
    figures.fold(None, |ends, figure| {
        let (low, high) = ends.unwrap_or((figure, figure));
        Some((low.min(figure), high.max(figure)))
    })
}

/// Adds an item to the group of its key; groups keep the order of their first item.
pub(crate) fn gather<K: PartialEq, T>(groups: &mut Vec<(K, Vec<T>)>, key: K, item: T) {
    match groups.iter_mut().find(|(known, _)| *known == key) {
        Some((_, items)) => items.push(item),
        None => groups.push((key, vec![item])),
    }
}

//! Floor 4: checks of a strategy against a model.

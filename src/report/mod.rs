//! Floor 3: records in, tables and findings out; never measures.

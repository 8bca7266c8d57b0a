//! Policy languages: as written, with positions, validated, and lowered into `policy`.

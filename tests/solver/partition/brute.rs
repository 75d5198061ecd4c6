//! Small random problems against an enumeration of all plans.

//! The table of CloudTrail's operations.

use super::{Route, need};

super::service_table! {
    CloudTrail CloudTrailOperation:
    LookupEvents: reads Route::Name, [need("cloudtrail:LookupEvents", "*")];
}

//! A flag that takes one value and is there twice: what to do about it.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Returns the flag of an argument as clap spells it, without its value's name.
pub fn flag(argument: &str) -> &str {
    argument.split([' ', '[', '=']).next().unwrap_or(argument)
}

/// Adds the fix to the error that says so; any other is left as it is.
pub fn with_fix(mut error: clap::Error) -> clap::Error {
    let given = error.get(ContextKind::InvalidArg).filter(|_| error.kind() == ErrorKind::ArgumentConflict);
    // clap says that a flag conflicts with itself.
    if let Some(ContextValue::String(argument)) = given
        && error.get(ContextKind::PriorArg) == given
    {
        let flag = flag(argument);
        let tip = format!("keep one {flag}, with the value that is meant, and leave the other away");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
    }
    error
}

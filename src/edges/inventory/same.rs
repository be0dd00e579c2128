//! Whether two documents say the same, however they are written.

use serde_json::Value;

/// Whether two policies are the same but for white space, the order of members and of lists of texts, lists of one,
/// and the two ways to name an account.
#[must_use]
pub fn same_document(a: &str, b: &str) -> bool {
    match (serde_json::from_str::<Value>(a), serde_json::from_str::<Value>(b)) {
        (Ok(a), Ok(b)) => plain(a, "") == plain(b, ""),
        _ => a == b,
    }
}

fn plain(value: Value, member: &str) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| {
                let value = plain(value, &name);
                (name, value)
            });
            Value::Object(members.collect())
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(|item| plain(item, member)).collect();
            if items.iter().all(Value::is_string) {
                items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
                items.dedup();
            }
            match (items.len(), items.pop()) {
                (1, Some(only)) => only,
                (_, last) => {
                    items.extend(last);
                    Value::Array(items)
                }
            }
        }
        Value::String(text) if member == "AWS" && text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) => {
            Value::String(format!("arn:aws:iam::{text}:root"))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::same_document;

    #[test]
    fn what_is_the_same_and_what_is_not() {
        let same = [
            (r#"{"a": 1, "b": ["x"]}"#, r#"{"b":"x","a":1}"#),
            (r#"{"Action":["b","a"]}"#, r#"{"Action":["a","b","a"]}"#),
            (r#"{"AWS":"111122223333"}"#, r#"{"AWS":["arn:aws:iam::111122223333:root"]}"#),
            (r#"{"Statement":[{"Effect":"Deny"}]}"#, r#"{"Statement":{"Effect":"Deny"}}"#),
        ];
        for (a, b) in same {
            assert!(same_document(a, b), "{a} {b}");
        }
        let other = [
            (r#"{"Action":"a"}"#, r#"{"Action":["a","b"]}"#),
            (r#"{"Statement":[{"Effect":"Deny"},{"Effect":"Allow"}]}"#, r#"{"Statement":[{"Effect":"Deny"}]}"#),
            (
                r#"{"aws:PrincipalAccount":"111122223333"}"#,
                r#"{"aws:PrincipalAccount":"arn:aws:iam::111122223333:root"}"#,
            ),
            ("{", "{}"),
        ];
        for (a, b) in other {
            assert!(!same_document(a, b), "{a} {b}");
        }
    }
}

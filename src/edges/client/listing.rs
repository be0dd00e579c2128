//! `ListObjectsV2`, page by page.

use super::objects::queried;
use super::wire::Call;
use super::{Client, ClientError};
use http::Method;
use percent_encoding::percent_decode_str;

/// An object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its bytes.
    pub size: u64,
}

impl Client {
    /// All objects whose keys begin with this prefix, in the order of their keys.
    ///
    /// # Errors
    /// What the store refuses; no answer.
    pub async fn list_objects(&self, bucket: &str, prefix: &str) -> Result<Vec<Listed>, ClientError> {
        let (mut all, mut token) = (Vec::new(), None::<String>);
        loop {
            // Keys may hold what XML cannot carry.
            let mut target = format!("/{}?encoding-type=url&list-type=2&prefix={}", queried(bucket), queried(prefix));
            if let Some(token) = &token {
                target.extend(["&continuation-token=", &queried(token)]);
            }
            let page = self.send(&Call::s3(Method::GET, target)).await?.xml()?;
            for object in page.all("Contents") {
                all.push(Listed { key: decoded(&object.wanted("Key")?)?, size: object.number("Size")? });
            }
            if page.text("IsTruncated") != "true" {
                return Ok(all);
            }
            let next = page.wanted("NextContinuationToken")?;
            if token.replace(next.clone()) == Some(next) {
                return Err(ClientError::Answer("its next page is the same again".to_owned()));
            }
        }
    }
}

fn decoded(key: &str) -> Result<String, ClientError> {
    let text = key.replace('+', " ");
    let text = percent_decode_str(&text).decode_utf8();
    text.map(std::borrow::Cow::into_owned).map_err(|_| ClientError::Answer(format!("the key `{key}` is not UTF-8")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded() {
        assert_eq!(decoded("a%2Fb+c%2Bd%01").expect("UTF-8"), "a/b c+d\u{1}");
        assert!(decoded("%ff").is_err());
    }
}

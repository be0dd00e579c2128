//! Multipart uploads: part numbers and the list of a completion.
//!
//! Source: S3 User Guide, "Amazon S3 multipart upload limits"; S3 API Reference, `CompleteMultipartUpload`.

use super::headers::whole;
use super::query::Query;
use super::xml;
use crate::edges::server::error::S3Error;
use s3s::dto;

/// The most parts of an upload, and the highest part number.
pub const MAX_PARTS: u16 = 10_000;

/// Reads a part number, 1 to 10,000.
///
/// # Errors
/// `InvalidArgument`.
pub fn part_number(value: &str) -> Result<u16, S3Error> {
    whole(value)
        .and_then(|n| u16::try_from(n).ok())
        .filter(|n| (1..=MAX_PARTS).contains(n))
        .ok_or_else(|| S3Error::invalid_argument("partNumber", value, PART_NUMBER))
}

const PART_NUMBER: &str = "Part number must be an integer between 1 and 10000, inclusive";

/// The `partNumber` of a query, if it has one.
///
/// # Errors
/// `InvalidArgument`.
pub fn queried_part(query: &Query) -> Result<Option<u16>, S3Error> {
    query.get("partNumber").map(part_number).transpose()
}

/// The `uploadId` of a query; it is opaque.
///
/// # Errors
/// `InvalidArgument` if there is none.
pub fn upload_id(query: &Query) -> Result<&str, S3Error> {
    query.get("uploadId").filter(|id| !id.is_empty()).ok_or_else(|| {
        S3Error::invalid_argument("uploadId", "", "This operation does not accept a request without an upload id")
    })
}

/// A part as a completion lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPart {
    /// Its number.
    pub number: u16,
    /// Its entity tag without quotes.
    pub etag: String,
    /// Checksums named with it: the algorithm's name (`CRC32`, `SHA256`, …) and the text in base64.
    pub checksums: Vec<(&'static str, String)>,
}

/// Reads a `CompleteMultipartUpload`: 1 to 10,000 parts in ascending order.
///
/// # Errors
/// `MalformedXML`, `InvalidPartOrder`, `InvalidArgument` for a part number.
pub fn parse_complete(body: &[u8]) -> Result<Vec<ListedPart>, S3Error> {
    let upload: dto::CompletedMultipartUpload = xml::parse(body)?;
    let parts = upload.parts.unwrap_or_default();
    if parts.is_empty() {
        return Err(S3Error::malformed_xml("no part is listed"));
    }
    if parts.len() > usize::from(MAX_PARTS) {
        return Err(S3Error::malformed_xml(&format!("{} parts are listed, at most {MAX_PARTS} may be", parts.len())));
    }
    let listed = parts.into_iter().map(listed).collect::<Result<Vec<_>, _>>()?;
    if let Some(pair) = listed.windows(2).find(|pair| matches!(pair, [a, b] if a.number >= b.number)) {
        let number = pair.last().map(|part| part.number).unwrap_or_default();
        return Err(S3Error::of("InvalidPartOrder").with("PartNumber", number.to_string()));
    }
    Ok(listed)
}

fn listed(part: dto::CompletedPart) -> Result<ListedPart, S3Error> {
    let number = part.part_number.ok_or_else(|| S3Error::malformed_xml("a Part has no PartNumber"))?;
    let etag = part.e_tag.ok_or_else(|| S3Error::malformed_xml("a Part has no ETag"))?;
    let checksums = [
        ("CRC32", part.checksum_crc32),
        ("CRC32C", part.checksum_crc32c),
        ("CRC64NVME", part.checksum_crc64nvme),
        ("SHA1", part.checksum_sha1),
        ("SHA256", part.checksum_sha256),
    ];
    Ok(ListedPart {
        number: part_number(&number.to_string())?,
        etag: etag.into_value(),
        checksums: checksums.into_iter().filter_map(|(name, sum)| Some((name, sum?))).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_numbers() {
        for (text, expected) in [
            ("1", Some(1)),
            ("10000", Some(10_000)),
            ("0", None),
            ("10001", None),
            ("-1", None),
            ("+1", None),
            ("1.0", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(part_number(text).ok(), expected, "{text}");
        }
        let error = part_number("0").unwrap_err();
        assert_eq!((error.code, &*error.message), ("InvalidArgument", PART_NUMBER));
    }

    #[test]
    fn queries() {
        let query = Query::parse("uploadId=u&partNumber=7").unwrap();
        assert_eq!((upload_id(&query), queried_part(&query)), (Ok("u"), Ok(Some(7))));
        let query = Query::parse("uploadId").unwrap();
        assert_eq!(upload_id(&query).unwrap_err().code, "InvalidArgument");
        assert_eq!(queried_part(&query), Ok(None));
    }

    fn complete(numbers: &[&str]) -> Result<Vec<ListedPart>, &'static str> {
        const BEFORE: &str = "<Part><ETag>\"e\"</ETag><ChecksumSHA1>s</ChecksumSHA1><PartNumber>";
        let parts: String = numbers.iter().flat_map(|n| [BEFORE, n, "</PartNumber></Part>"]).collect();
        let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        parse_complete(body.as_bytes()).map_err(|e| e.code)
    }

    #[test]
    fn completions() {
        let parts = complete(&["1", "3", "10000"]).unwrap();
        assert_eq!(parts[1], ListedPart { number: 3, etag: "e".to_owned(), checksums: vec![("SHA1", "s".to_owned())] });
        for (numbers, code) in [
            (&[][..], "MalformedXML"),
            (&["2", "1"], "InvalidPartOrder"),
            (&["1", "1"], "InvalidPartOrder"),
            (&["0"], "InvalidArgument"),
            (&["10001"], "InvalidArgument"),
            (&["-1"], "InvalidArgument"),
            (&["x"], "MalformedXML"),
        ] {
            assert_eq!(complete(numbers), Err(code), "{numbers:?}");
        }
        let body = b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>";
        assert_eq!(parse_complete(body).unwrap_err().code, "MalformedXML");
        assert_eq!(parse_complete(b"").unwrap_err().code, "MissingRequestBodyError");
    }
}

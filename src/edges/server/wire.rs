//! S3's wire: XML bodies, headers, error documents. Types and XML come from `s3s`.

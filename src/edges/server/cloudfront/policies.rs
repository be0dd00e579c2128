//! CloudFront's managed policies: what every account has, by fixed ids.
//!
//! Source: CloudFront Developer Guide, "Use managed cache policies", "Use managed origin request policies", "Use
//! managed response headers policies".

/// Which named values of a request count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selected {
    /// None.
    None,
    /// These.
    Listed(&'static [&'static str]),
    /// All but these.
    AllExcept(&'static [&'static str]),
    /// All.
    All,
}

impl Selected {
    /// Whether a value of this name counts; names of headers have no case.
    #[must_use]
    pub fn takes(self, name: &str) -> bool {
        let among = |list: &[&str]| list.iter().any(|one| one.eq_ignore_ascii_case(name));
        match self {
            Self::None => false,
            Self::Listed(list) => among(list),
            Self::AllExcept(list) => !among(list),
            Self::All => true,
        }
    }
}

/// How long answers are kept, and what tells them apart; what does also reaches the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachePolicy {
    /// Its id.
    pub id: &'static str,
    /// Its name, without `Managed-`.
    pub name: &'static str,
    /// A sentence for people.
    pub comment: &'static str,
    /// Seconds.
    pub min_ttl: u64,
    /// Seconds, where the origin says nothing.
    pub default_ttl: u64,
    /// Seconds.
    pub max_ttl: u64,
    /// Answers differ by whether the viewer takes gzip, and by whether it takes Brotli.
    pub encodings: (bool, bool),
    /// The headers that tell answers apart.
    pub headers: Selected,
    /// The cookies likewise.
    pub cookies: Selected,
    /// The parameters of the query likewise.
    pub query: Selected,
}

/// What reaches the origin beside what the cache policy names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OriginRequestPolicy {
    /// Its id.
    pub id: &'static str,
    /// Its name, without `Managed-`.
    pub name: &'static str,
    /// A sentence for people.
    pub comment: &'static str,
    /// The viewer's headers.
    pub headers: Selected,
    /// Headers that CloudFront makes for the origin, beside the viewer's.
    pub made: &'static [&'static str],
    /// The viewer's cookies.
    pub cookies: Selected,
    /// The parameters of the query.
    pub query: Selected,
}

/// A header of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddedHeader {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: &'static str,
    /// It replaces the origin's; otherwise the origin's stays.
    pub replaces: bool,
    /// It is of CORS: it is added only to answers to requests that have `Origin`.
    pub cors: bool,
}

/// What headers answers get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseHeadersPolicy {
    /// Its id.
    pub id: &'static str,
    /// Its name, without `Managed-`.
    pub name: &'static str,
    /// The headers.
    pub headers: &'static [&'static [AddedHeader]],
}

const YEAR: u64 = 31_536_000;
const DAY: u64 = 86_400;

/// The cache policies.
pub const CACHE_POLICIES: &[CachePolicy] = &[
    CachePolicy {
        id: "2e54312d-136d-493c-8eb9-b001f22f67d2",
        name: "Amplify",
        comment: "Policy for Amplify Origin",
        min_ttl: 2,
        default_ttl: 2,
        max_ttl: 600,
        encodings: (true, true),
        headers: Selected::Listed(&["Authorization", "CloudFront-Viewer-Country", "Host"]),
        cookies: Selected::All,
        query: Selected::All,
    },
    CachePolicy {
        id: "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
        name: "CachingDisabled",
        comment: "Policy with caching disabled",
        min_ttl: 0,
        default_ttl: 0,
        max_ttl: 0,
        encodings: (false, false),
        headers: Selected::None,
        cookies: Selected::None,
        query: Selected::None,
    },
    CachePolicy {
        id: "658327ea-f89d-4fab-a63d-7e88639e58f6",
        name: "CachingOptimized",
        comment: "Policy with caching enabled. Supports Gzip and Brotli compression.",
        min_ttl: 1,
        default_ttl: DAY,
        max_ttl: YEAR,
        encodings: (true, true),
        headers: Selected::None,
        cookies: Selected::None,
        query: Selected::None,
    },
    CachePolicy {
        id: "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
        name: "CachingOptimizedForUncompressedObjects",
        comment: "Default policy when compression is disabled",
        min_ttl: 1,
        default_ttl: DAY,
        max_ttl: YEAR,
        encodings: (false, false),
        headers: Selected::None,
        cookies: Selected::None,
        query: Selected::None,
    },
    CachePolicy {
        id: "08627262-05a9-4f76-9ded-b50ca2e3a84f",
        name: "Elemental-MediaPackage",
        comment: "Policy for Elemental MediaPackage Origin",
        min_ttl: 0,
        default_ttl: DAY,
        max_ttl: YEAR,
        encodings: (true, false),
        headers: Selected::Listed(&["Origin"]),
        cookies: Selected::None,
        query: Selected::Listed(&["aws.manifestfilter", "start", "end", "m"]),
    },
    CachePolicy {
        id: "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
        name: "UseOriginCacheControlHeaders",
        comment: "Policy for origins that return Cache-Control headers. Query strings are not included in the cache \
                  key.",
        min_ttl: 0,
        default_ttl: 0,
        max_ttl: YEAR,
        encodings: (true, true),
        headers: Selected::Listed(OF_THE_METHOD),
        cookies: Selected::All,
        query: Selected::None,
    },
    CachePolicy {
        id: "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
        name: "UseOriginCacheControlHeaders-QueryStrings",
        comment: "Policy for origins that return Cache-Control headers and serve different content based on values \
                  present in the query string.",
        min_ttl: 0,
        default_ttl: 0,
        max_ttl: YEAR,
        encodings: (true, true),
        headers: Selected::Listed(OF_THE_METHOD),
        cookies: Selected::All,
        query: Selected::All,
    },
];

const OF_THE_METHOD: &[&str] = &["Host", "Origin", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"];

/// The origin request policies.
pub const ORIGIN_REQUEST_POLICIES: &[OriginRequestPolicy] = &[
    OriginRequestPolicy {
        id: "216adef6-5c7f-47e4-b989-5492eafa07d3",
        name: "AllViewer",
        comment: "Policy to forward all parameters in viewer requests",
        headers: Selected::All,
        made: &[],
        cookies: Selected::All,
        query: Selected::All,
    },
    OriginRequestPolicy {
        id: "33f36d7e-f396-46d9-90e0-52428a34d9dc",
        name: "AllViewerAndCloudFrontHeaders-2022-06",
        comment: "Policy to forward all parameters in viewer requests and all CloudFront headers that were released \
                  through June 2022 (CloudFront headers released after June 2022 are not included)",
        headers: Selected::All,
        made: &[
            "CloudFront-Viewer-Address",
            "CloudFront-Forwarded-Proto",
            "CloudFront-Viewer-Http-Version",
            "CloudFront-Viewer-TLS",
        ],
        cookies: Selected::All,
        query: Selected::All,
    },
    OriginRequestPolicy {
        id: "b689b0a8-53d0-40ab-baf2-68738e2966ac",
        name: "AllViewerExceptHostHeader",
        comment: "Policy to forward all parameters in viewer requests except for the Host header",
        headers: Selected::AllExcept(&["Host"]),
        made: &[],
        cookies: Selected::All,
        query: Selected::All,
    },
    OriginRequestPolicy {
        id: "59781a5b-3903-41f3-afcb-af62929ccde1",
        name: "CORS-CustomOrigin",
        comment: "Policy for forwarding headers required for CORS with custom origins",
        headers: Selected::Listed(&["Origin"]),
        made: &[],
        cookies: Selected::None,
        query: Selected::None,
    },
    OriginRequestPolicy {
        id: "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf",
        name: "CORS-S3Origin",
        comment: "Policy for S3 origin with CORS",
        headers: Selected::Listed(&["Origin", "Access-Control-Request-Headers", "Access-Control-Request-Method"]),
        made: &[],
        cookies: Selected::None,
        query: Selected::None,
    },
    OriginRequestPolicy {
        id: "775133bc-15f2-49f9-abea-afb2e0bf67d2",
        name: "Elemental-MediaTailor-PersonalizedManifests",
        comment: "Policy for Elemental MediaTailor Origin",
        headers: Selected::Listed(&[
            "Origin",
            "Access-Control-Request-Headers",
            "Access-Control-Request-Method",
            "User-Agent",
            "X-Forwarded-For",
        ]),
        made: &[],
        cookies: Selected::None,
        query: Selected::All,
    },
    OriginRequestPolicy {
        id: "acba4595-bd28-49b8-b9fe-13317c0390fa",
        name: "UserAgentRefererHeaders",
        comment: "Policy to forward user-agent and referer headers to origin",
        headers: Selected::Listed(&["User-Agent", "Referer"]),
        made: &[],
        cookies: Selected::None,
        query: Selected::None,
    },
];

const fn security(name: &'static str, value: &'static str, replaces: bool) -> AddedHeader {
    AddedHeader { name, value, replaces, cors: false }
}

const fn cors(name: &'static str, value: &'static str) -> AddedHeader {
    AddedHeader { name, value, replaces: false, cors: true }
}

const SECURITY: &[AddedHeader] = &[
    security("Referrer-Policy", "strict-origin-when-cross-origin", false),
    security("Strict-Transport-Security", "max-age=31536000", false),
    security("X-Content-Type-Options", "nosniff", true),
    security("X-Frame-Options", "SAMEORIGIN", false),
    security("X-XSS-Protection", "1; mode=block", false),
];
const SIMPLE: &[AddedHeader] = &[cors("Access-Control-Allow-Origin", "*")];
const PREFLIGHT: &[AddedHeader] = &[
    cors("Access-Control-Allow-Origin", "*"),
    cors("Access-Control-Allow-Methods", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
    cors("Access-Control-Expose-Headers", "*"),
];

/// The policies for the headers of answers.
pub const RESPONSE_HEADERS_POLICIES: &[ResponseHeadersPolicy] = &[
    ResponseHeadersPolicy {
        id: "e61eb60c-9c35-4d20-a928-2b84e02af89c",
        name: "CORS-and-SecurityHeadersPolicy",
        headers: &[SIMPLE, SECURITY],
    },
    ResponseHeadersPolicy {
        id: "5cc3b908-e619-4b99-88e5-2cf7f45965bd",
        name: "CORS-With-Preflight",
        headers: &[PREFLIGHT],
    },
    ResponseHeadersPolicy {
        id: "eaab4381-ed33-4a86-88ca-d9558dc6cd63",
        name: "CORS-with-preflight-and-SecurityHeadersPolicy",
        headers: &[PREFLIGHT, SECURITY],
    },
    ResponseHeadersPolicy {
        id: "67f7725c-6f97-4210-82d7-5512b31e9d03",
        name: "SecurityHeadersPolicy",
        headers: &[SECURITY],
    },
    ResponseHeadersPolicy { id: "60669652-455b-4ae9-85a4-c4c02393f86c", name: "SimpleCORS", headers: &[SIMPLE] },
];

/// The managed cache policy of this id.
#[must_use]
pub fn cache_policy(id: &str) -> Option<&'static CachePolicy> {
    CACHE_POLICIES.iter().find(|policy| policy.id == id)
}

/// The managed origin request policy of this id.
#[must_use]
pub fn origin_request_policy(id: &str) -> Option<&'static OriginRequestPolicy> {
    ORIGIN_REQUEST_POLICIES.iter().find(|policy| policy.id == id)
}

/// The managed policy for the headers of answers of this id.
#[must_use]
pub fn response_headers_policy(id: &str) -> Option<&'static ResponseHeadersPolicy> {
    RESPONSE_HEADERS_POLICIES.iter().find(|policy| policy.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_found_by_their_ids() {
        let optimized = cache_policy("658327ea-f89d-4fab-a63d-7e88639e58f6").expect("it is managed");
        assert_eq!((optimized.name, optimized.min_ttl, optimized.default_ttl), ("CachingOptimized", 1, 86_400));
        assert!(!optimized.query.takes("a") && optimized.encodings.0);
        let s3 = origin_request_policy("88a5eaf4-2fd4-4709-b370-b4c650ea3fcf").expect("it is managed");
        assert!(s3.headers.takes("origin") && !s3.headers.takes("Host"));
        let all_but = origin_request_policy("b689b0a8-53d0-40ab-baf2-68738e2966ac").expect("it is managed");
        assert!(all_but.headers.takes("origin") && !all_but.headers.takes("host"));
        assert_eq!(response_headers_policy("x"), None);
    }

    #[test]
    fn ids_and_names_are_their_own() {
        let mut ids: Vec<&str> = CACHE_POLICIES.iter().map(|p| p.id).collect();
        ids.extend(ORIGIN_REQUEST_POLICIES.iter().map(|p| p.id));
        ids.extend(RESPONSE_HEADERS_POLICIES.iter().map(|p| p.id));
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
        assert!(ids.iter().all(|id| id.len() == 36));
    }
}

//! SSE-KMS and DSSE-KMS: which key an object is sealed under, and the questions that S3 puts to the gate in its caller's name.
//!
//! Source: S3 User Guide, "Using server-side encryption with AWS KMS keys (SSE-KMS)", "Reducing the cost of SSE-KMS
//! with Amazon S3 Bucket Keys", "Using dual-layer server-side encryption with AWS KMS keys (DSSE-KMS)"; semantics section 10.

use super::{Found, Key, KeyError, Named, managed, named_arn};
use crate::edges::server::auth::AuthType;
use crate::edges::server::call::Call;
use crate::edges::server::error::S3Error;
use crate::edges::server::wire::encryption::{KmsRequest, SentKey};
use crate::gate::services::ServiceOperation;
use crate::gate::services::kms::{Decrypt, EncryptionContext, GenerateDataKey, KeyUse, UsesKey};
use crate::gate::{Authorized, Operation, Refusal, ServiceFacts, Verdict};
use crate::simulate::world::ContextKeys;
use crate::storage::sealing::{CustomerKey, Layers};
use crate::storage::store::kms::{ObjectUnlock, OpenKey};
use crate::storage::store::{Sse, StoredKms, StoredSse, Unlock};
use std::sync::Arc;

/// How a write seals its object, with the bucket's default filled in.
#[derive(Debug)]
pub enum WriteSse {
    /// SSE-S3.
    S3,
    /// SSE-C.
    Customer(SentKey),
    /// SSE-KMS, or DSSE-KMS.
    Kms(KmsRequest),
}

/// What opens an object for one request.
#[derive(Debug)]
pub enum ObjectKeys {
    /// The store's own key.
    Store,
    /// The key that came with the request.
    Customer(CustomerKey),
    /// A key of the key service.
    Kms(ObjectUnlock),
}

impl ObjectKeys {
    /// As storage takes it.
    #[must_use]
    pub fn unlock(&self) -> Unlock<'_> {
        match self {
            Self::Store => Unlock::Store,
            Self::Customer(key) => Unlock::Customer(key),
            Self::Kms(unlock) => Unlock::Kms(unlock),
        }
    }
}

/// What the gate is asked before an object of the key service is opened.
#[derive(Debug)]
pub struct Opening {
    found: Found,
    context: EncryptionContext,
}

/// A question, and the gate's answer.
pub type Opened = (Opening, Result<KeyUse<Decrypt>, Refusal>);

impl Opening {
    /// Decides it.
    pub fn verdict<'c>(&self, call: &'c Call, via: &'c ServiceFacts<'c>) -> Verdict<'c, KeyUse<Decrypt>> {
        call.decide_key(via, &self.found, self.context.clone())
    }
}

/// Whether a write into an upload also asks for `kms:Decrypt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parts {
    No,
    Yes,
}

impl Call {
    /// The encryption of a new object at `key`. `grant` is for making it.
    ///
    /// # Errors
    /// `AccessDenied` without `kms:GenerateDataKey`; `KMS.NotFoundException`, `KMS.DisabledException`,
    /// `KMS.KMSInvalidStateException`; `InvalidArgument` for anonymous callers and for Signature Version 2.
    pub async fn seal_object<O: Operation>(
        &self,
        grant: &Authorized<O>,
        key: &str,
        wanted: WriteSse,
    ) -> Result<Sse, S3Error> {
        self.seal(grant, key, wanted, Parts::No).await
    }

    /// The encryption of an upload to `key`: as [`Self::seal_object`], and its parts are read again when it is
    /// completed.
    ///
    /// # Errors
    /// As [`Self::seal_object`]; `AccessDenied` also without `kms:Decrypt`.
    pub async fn seal_upload<O: Operation>(
        &self,
        grant: &Authorized<O>,
        key: &str,
        wanted: WriteSse,
    ) -> Result<Sse, S3Error> {
        self.seal(grant, key, wanted, Parts::Yes).await
    }

    /// The encryption of a part: the one its upload was begun with.
    ///
    /// # Errors
    /// As [`Self::seal_upload`].
    pub async fn seal_part<O: Operation>(
        &self,
        grant: &Authorized<O>,
        key: &str,
        upload: &StoredSse,
        sent: Option<SentKey>,
    ) -> Result<Sse, S3Error> {
        match (upload, sent) {
            (_, Some(sent)) => self.over_tls(sent.into()),
            (StoredSse::Kms(stored), None) => {
                let found = self.key_of(stored)?;
                self.seal_under(grant, key, &found, StoredKms::clone(stored), Parts::Yes).await
            }
            (StoredSse::S3 | StoredSse::Customer { .. }, None) => Ok(Sse::S3),
        }
    }

    async fn seal<O: Operation>(
        &self,
        grant: &Authorized<O>,
        key: &str,
        wanted: WriteSse,
        parts: Parts,
    ) -> Result<Sse, S3Error> {
        let wanted = match wanted {
            WriteSse::S3 => return Ok(Sse::S3),
            WriteSse::Customer(sent) => return self.over_tls(sent.into()),
            WriteSse::Kms(wanted) => wanted,
        };
        self.vouched_for()?;
        let found = match &wanted.key {
            Some(name) => self.named_key(name).await?,
            None => managed::s3_key(&self.server, grant).await.map_err(|e| self.failed(e))?,
        };
        let stored = StoredKms {
            key: found.key.arn.clone(),
            context: wanted.context,
            bucket_key: wanted.bucket_key,
            dual_layer: wanted.dual_layer,
        };
        self.seal_under(grant, key, &found, stored, parts).await
    }

    async fn seal_under<O: Operation>(
        &self,
        grant: &Authorized<O>,
        key: &str,
        found: &Found,
        stored: StoredKms,
        parts: Parts,
    ) -> Result<Sse, S3Error> {
        let context = whole_context(&stored, grant.bucket(), key)?;
        let layers = if stored.dual_layer { Layers::Two } else { Layers::One };
        if parts == Parts::Yes {
            self.ask_key::<Decrypt>(found, context.clone()).await?;
        }
        let proof = self.ask_key::<GenerateDataKey>(found, context).await?;
        let key = usable(found)?.for_writing(&proof, layers).map_err(|e| self.failed(e))?;
        Ok(Sse::Kms { key, stored: Box::new(stored) })
    }

    /// What opens a stored object, whose key is `key` in `bucket`.
    ///
    /// # Errors
    /// `AccessDenied` without `kms:Decrypt`; else as [`Self::seal_object`].
    pub async fn open_object(
        &self,
        sse: &StoredSse,
        bucket: &str,
        key: &str,
        customer: Option<CustomerKey>,
    ) -> Result<ObjectKeys, S3Error> {
        match (sse, customer) {
            // Storage refuses a customer's key that does not belong.
            (_, Some(customer)) => Ok(ObjectKeys::Customer(customer)),
            (StoredSse::S3 | StoredSse::Customer { .. }, None) => Ok(ObjectKeys::Store),
            (StoredSse::Kms(stored), None) => {
                let opening = self.opening(stored, bucket, key)?;
                let via = self.facts_through_s3();
                let answer = opening.verdict(self, &via).kept().await;
                self.opened((opening, answer))
            }
        }
    }

    /// The question that reading the addressed object raises, where it is sealed under a key of the key service.
    /// `None` also where there is an error to be told of later: [`Self::open_object`] finds it again.
    #[must_use]
    pub fn opening_of(&self, sse: Option<&StoredSse>) -> Option<Opening> {
        let Some(StoredSse::Kms(stored)) = sse else { return None };
        self.opening(stored, self.bucket(), self.key()).ok()
    }

    fn opening(&self, stored: &StoredKms, bucket: &str, key: &str) -> Result<Opening, S3Error> {
        self.vouched_for()?;
        let found = self.key_of(stored)?;
        Ok(Opening { found, context: whole_context(stored, bucket, key)? })
    }

    /// What opens an object, by the gate's answer.
    ///
    /// # Errors
    /// As [`Self::open_object`].
    pub fn opened(&self, (opening, answer): Opened) -> Result<ObjectKeys, S3Error> {
        let proof = answer.map_err(|refusal| self.key_refused(&refusal, <Decrypt as ServiceOperation>::ROW.name))?;
        let unlock = usable(&opening.found)?.for_reading(&proof).map_err(|e| self.failed(e))?;
        Ok(ObjectKeys::Kms(unlock))
    }

    /// KMS serves nobody who is anonymous, and S3 passes on requests with Signature Version 4 only.
    fn vouched_for(&self) -> Result<(), S3Error> {
        let auth = &self.auth;
        let kind = auth.caller.principal.kind.as_str();
        let old =
            auth.auth_type != AuthType::Anonymous && auth.signature_version.is_some_and(|v| v != "AWS4-HMAC-SHA256");
        if auth.caller.is_anonymous() || kind == "oai" || old {
            return Err(S3Error::new(
                "InvalidArgument",
                "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.",
            ));
        }
        Ok(())
    }

    /// The key that a write names. That there is none is told to those who might use one of that name.
    async fn named_key(&self, name: &str) -> Result<Found, S3Error> {
        let caller = &self.auth.caller;
        let (account, region) = (caller.account().unwrap_or_default(), self.server.region());
        let missing = match self.server.keys().find(name, Named::Anyhow, account, region) {
            Err(missing) if missing.code == "NotFoundException" => missing,
            found => return Ok(found?),
        };
        let (arn, via) = (named_arn(name, account, region), self.facts_through_s3());
        let mut subject = Key::missing("key", &arn, caller, &self.server.directory());
        subject.context.extend(self.through_s3());
        let answer =
            self.decide_use::<GenerateDataKey>(&via, vec![(subject, EncryptionContext::default())]).kept().await;
        answer.map_err(|refusal| self.key_refused(&refusal, "GenerateDataKey"))?;
        Err(missing.into())
    }

    /// The condition keys of a request that S3 makes.
    fn through_s3(&self) -> ContextKeys {
        let service = format!("s3.{}.amazonaws.com", self.server.region());
        vec![("kms:ViaService".to_owned(), vec![service]), ("aws:ViaAWSService".to_owned(), vec!["true".to_owned()])]
    }

    /// The key of something that is there, which names it by its ARN.
    fn key_of(&self, stored: &StoredKms) -> Result<Found, S3Error> {
        let account = self.auth.caller.account().unwrap_or_default();
        Ok(self.server.keys().find(&stored.key, Named::ByKey, account, self.server.region())?)
    }

    /// Puts a use of a key to the gate, in the caller's name, through S3.
    async fn ask_key<O: UsesKey>(&self, found: &Found, context: EncryptionContext) -> Result<KeyUse<O>, S3Error> {
        let via = self.facts_through_s3();
        let answer = self.decide_key::<O>(&via, found, context).kept().await;
        answer.map_err(|refusal| self.key_refused(&refusal, O::ROW.name))
    }

    fn decide_key<'c, O: UsesKey>(
        &'c self,
        via: &'c ServiceFacts<'c>,
        found: &Found,
        context: EncryptionContext,
    ) -> Verdict<'c, KeyUse<O>> {
        let mut brings = found.brings();
        brings.extend(self.through_s3());
        let subject = found.key.subject("key", O::ROW.name, &self.auth.caller, &self.server.directory(), brings);
        self.decide_use(via, vec![(subject, context)])
    }

    /// S3's words for a refusal of a key. What opens an object is not named to who may not open it.
    fn key_refused(&self, refusal: &Refusal, operation: &str) -> S3Error {
        let mut error = self.refused(refusal);
        if let Refusal::Denied { sentence: Some(sentence), .. } = refusal
            && operation == "Decrypt"
            && let Some((before, rest)) = sentence.split_once(" on resource: \"")
            && let Some((_, after)) = rest.split_once('"')
        {
            error.message = format!("{before} on the resource associated with this ciphertext{after}").into();
        }
        error
    }
}

fn usable(found: &Found) -> Result<&Arc<OpenKey>, KeyError> {
    found.key.usable()
}

fn whole_context(stored: &StoredKms, bucket: &str, key: &str) -> Result<EncryptionContext, S3Error> {
    stored.whole_context(bucket, key).map_err(|twice| {
        S3Error::invalid_argument(
            "x-amz-server-side-encryption-context",
            &twice,
            format!("The encryption context has the key {twice} twice; {} is set by S3.", StoredKms::ARN_PAIR),
        )
    })
}

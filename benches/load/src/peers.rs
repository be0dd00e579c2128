//! The servers that are compared with, each in a process of its own: the sample server `s3s-fs`, served as its own
//! program serves it, and one on `s3s` that stores nothing, which shows what the protocol alone costs.

use crate::Fault;
use crate::pattern::Pattern;
use crate::sign::{KEY_ID, SECRET};
use crate::work::size_of;
use futures_util::{StreamExt as _, stream};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::dto::{
    CreateBucketInput, CreateBucketOutput, GetObjectInput, GetObjectOutput, PutObjectInput, PutObjectOutput,
    StreamingBlob,
};
use s3s::service::S3ServiceBuilder;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Serves a directory with `s3s-fs` until the process is ended.
pub fn files(root: &Path) -> Result<(), Fault> {
    let files = s3s_fs::FileSystem::new(root).map_err(|e| format!("{}: {e:?}", root.display()))?;
    serve(S3ServiceBuilder::new(files))
}

/// Serves what is in no place until the process is ended.
pub fn nothing() -> Result<(), Fault> {
    serve(S3ServiceBuilder::new(Nothing(Arc::new(Pattern::new()))))
}

#[tokio::main]
async fn serve(mut service: S3ServiceBuilder) -> Result<(), Fault> {
    service.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
    let service = service.build();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("ready http://{}", listener.local_addr()?);
    let http = Builder::new(TokioExecutor::new());
    loop {
        let (socket, _) = listener.accept().await?;
        // Its own program does not; without it, answers can wait for the client's delayed acknowledgement.
        socket.set_nodelay(true)?;
        let connection = http.serve_connection(TokioIo::new(socket), service.clone()).into_owned();
        tokio::spawn(async move {
            let _ = connection.await;
        });
    }
}

struct Nothing(Arc<Pattern>);

#[async_trait::async_trait]
impl S3 for Nothing {
    async fn create_bucket(&self, _: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        Ok(S3Response::new(CreateBucketOutput::default()))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let key = &request.input.key;
        let (start, length) = (Pattern::start_of(key), size_of(key));
        let pattern = Arc::clone(&self.0);
        let pieces = stream::unfold(0, move |sent| {
            let piece = (sent < length).then(|| {
                let mut piece = pattern.at(start + sent);
                piece.truncate(length - sent);
                piece
            });
            async move { piece.map(|p| (Ok::<_, std::io::Error>(p.clone()), sent + p.len())) }
        });
        let output = GetObjectOutput {
            body: Some(StreamingBlob::wrap(pieces)),
            content_length: i64::try_from(length).ok(),
            ..GetObjectOutput::default()
        };
        Ok(S3Response::new(output))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        if let Some(mut body) = request.input.body {
            while let Some(piece) = body.next().await {
                piece.map_err(|e| s3_error!(IncompleteBody, "{e}"))?;
            }
        }
        Ok(S3Response::new(PutObjectOutput::default()))
    }
}

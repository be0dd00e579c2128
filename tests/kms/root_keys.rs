//! Root keys: sealing anew, offline and while serving, and root keys from the environment.

use crate::cast::{KEY, Scene, WORLD, done, opened, sealed};
use crate::support::{Server, TempDir};
use serde_json::json;
use std::path::Path;
use std::process::{Command, Output};

const SSE: (&str, &str) = ("x-amz-server-side-encryption", "aws:kms");

fn run(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(arguments).arg("--data").arg(data).envs(environment.iter().copied());
    command.output().expect("it runs")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn everything_is_sealed_anew_while_it_is_read() {
    let mut scene = Scene::new();
    let data = scene.directory.path().join("data");
    let (s3, kms) = (scene.s3("root"), scene.kms("root"));
    let large = vec![b'x'; 100_000];
    s3.put("/reports/small", b"small");
    s3.put("/reports/large", &large);
    s3.send("PUT", "/reports/sealed", &[SSE], b"sealed");
    let blob = sealed(&kms, KEY, "hello", &json!({}));
    let check = |scene: &Scene| {
        let s3 = scene.s3("root");
        assert_eq!(s3.get("/reports/small").text(), "small");
        assert_eq!(s3.get("/reports/large").body, large);
        assert_eq!(s3.get("/reports/sealed").text(), "sealed");
        assert_eq!(opened(&scene.kms("root"), &blob, &json!({})), "hello");
    };
    for version in [2, 3] {
        let done = run(&data, &["keys", "reseal"], &[]);
        assert!(done.status.success(), "{}", text(&done));
        assert!(text(&done).contains(&format!("root key {version} seals everything")), "{}", text(&done));
        check(&scene);
    }
    scene.server.kill();
    let done = run(&data, &["keys", "reseal"], &[]);
    assert!(done.status.success() && text(&done).contains("root key 4 seals everything"), "{}", text(&done));
    // Nothing needs the older root keys any more.
    let file = data.join("keys").join("root.json");
    let mut keys: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).expect("a file")).expect("JSON");
    let list = keys["keys"].as_array_mut().expect("a list");
    let last = list.pop().expect("a key");
    *list = vec![last];
    std::fs::write(&file, keys.to_string()).expect("writable");
    let scrubbed = run(&data, &["scrub"], &[]);
    assert!(scrubbed.status.success(), "{}", text(&scrubbed));
    scene.server = Server::start(&data, &[]);
    check(&scene);
}

#[test]
fn root_keys_come_from_the_environment() {
    const VARIABLE: &str = "PORTCULLIS_ROOT_KEY";
    let key = |byte: u8| crate::cast::base64(&[byte; 32]);
    let directory = TempDir::new();
    let (world, data) = (directory.path().join("world.json"), directory.path().join("data"));
    std::fs::write(&world, WORLD).expect("writable");
    let world = world.to_str().expect("a text");
    let first = key(1);
    let mut server = Server::start_with(&data, &["-w", world], &[(VARIABLE, first.as_str())]);
    let root = server.client("AKIAROOT", "root-secret");
    assert_eq!(root.put("/reports/a", b"x").status, 200);
    assert!(!data.join("keys").join("root.json").exists(), "no root key is on disk");
    server.kill();
    // Another key, or none, opens nothing.
    for wrong in [key(2), "x".to_owned()] {
        assert!(!run(&data, &["keys", "reseal"], &[(VARIABLE, &wrong)]).status.success());
    }
    assert!(!run(&data, &["keys", "reseal"], &[]).status.success());
    // A second version takes over.
    let both = format!("1:{first},2:{}", key(2));
    let done = run(&data, &["keys", "reseal"], &[(VARIABLE, &both)]);
    assert!(text(&done).contains("root key 2 seals everything"), "{}", text(&done));
    assert!(!text(&done).contains(&first));
    let second = format!("2:{}", key(2));
    let server = Server::start_with(&data, &[], &[(VARIABLE, &second)]);
    let root = server.client("AKIAROOT", "root-secret");
    assert_eq!(root.get("/reports/a").text(), "x");
    done_with(&server);
}

fn done_with(server: &Server) {
    let kms = server.client("AKIAROOT", "root-secret").of("kms");
    done(&kms, "GenerateDataKey", &json!({"KeyId": KEY, "KeySpec": "AES_128"}));
}

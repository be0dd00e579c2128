//! `portcullis playground`: the page from the binary, or how to get it.

use std::process::Command;

#[cfg(not(feature = "playground"))]
#[test]
fn without_the_feature_it_says_how_to_get_it() {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis")).arg("playground").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty() && said.contains("--features playground"), "{said}");
}

#[cfg(feature = "playground")]
mod served {
    use super::Command;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpStream;
    use std::process::{Child, Stdio};

    struct Page {
        child: Child,
        address: String,
    }

    impl Drop for Page {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    impl Page {
        fn start(arguments: &[&str]) -> Self {
            let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
                .args(["playground", "--listen", "127.0.0.1:0"])
                .args(arguments)
                .stdout(Stdio::piped())
                .spawn()
                .expect("it starts");
            let mut line = String::new();
            BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
            let address = line.trim().strip_prefix("ready http://").unwrap_or_else(|| panic!("not ready: {line:?}"));
            Self { address: address.to_owned(), child }
        }

        fn ask(&self, line: &str, host: &str) -> String {
            let mut stream = TcpStream::connect(&self.address).expect("it listens");
            write!(stream, "{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").expect("it reads");
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).expect("it answers");
            String::from_utf8_lossy(&answer).into_owned()
        }
    }

    #[test]
    fn the_page_is_served_from_the_binary() {
        let page = Page::start(&[]);
        assert!(page.address.starts_with("127.0.0.1:"), "loopback only: {}", page.address);
        let index = page.ask("GET /", &page.address);
        assert!(index.starts_with("HTTP/1.1 200 ") && index.contains("<title>Portcullis"), "{index}");
        for header in [
            "content-security-policy: default-src 'none'",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
        ] {
            assert!(index.contains(header), "{header}: {index}");
        }
        assert!(index.contains(r#"name="portcullis-world" content="""#));
        assert!(page.ask("GET /portcullis.wasm?v=1", "localhost").contains("content-type: application/wasm"));
        assert!(page.ask("GET /world.json", "localhost").starts_with("HTTP/1.1 404 "));
        assert!(page.ask("GET /../Cargo.toml", "localhost").starts_with("HTTP/1.1 404 "));
        assert!(page.ask("GET /%2e%2e/Cargo.toml", "localhost").starts_with("HTTP/1.1 404 "));
        assert!(page.ask("POST /", "localhost").starts_with("HTTP/1.1 405 "));
        assert!(page.ask("GET /", "rebound.example").starts_with("HTTP/1.1 421 "));
    }

    #[test]
    fn the_world_is_preloaded_without_its_secrets() {
        let folder = std::env::temp_dir().join(format!("portcullis-playground-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let world = folder.join("world.yaml");
        let text = "version: 1\naccounts:\n  - id: '111122223333'\n    users:\n      - name: alice\n        \
                    access_keys: [{id: AKIAEXAMPLE, secret: very-secret}]\n        inline:\n          - name: own\n            \
                    document: read.json\n";
        std::fs::write(&world, text).expect("writable");
        let document = r#"{"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}"#;
        std::fs::write(folder.join("read.json"), document).expect("writable");
        let page = Page::start(&["-w", world.to_str().expect("a path of text")]);
        assert!(page.ask("GET /", "localhost").contains(r#"name="portcullis-world" content="world.json""#));
        let served = page.ask("GET /world.json", "localhost");
        assert!(!served.contains("very-secret") && !served.contains("AKIAEXAMPLE"), "{served}");
        let bundle = served.split("\r\n\r\n").nth(1).expect("a body");
        let pasted = portcullis::simulate::playground::read_pasted(bundle);
        assert_eq!(pasted.principals.first().map(|p| p.name.as_str()), Some("user/alice@111122223333"));
        let asked = portcullis::simulate::playground::from_world(
            bundle,
            &portcullis::simulate::playground::WorldQuestion {
                principal: "alice".to_owned(),
                action: "GetObject".to_owned(),
                resource: "s3://b/k".to_owned(),
                circumstances: String::new(),
            },
        );
        let policies = asked.question.and_then(|q| q.layers.identity).expect("alice has a policy");
        assert!(policies.iter().any(|p| p.name == "own" && p.text.contains("s3:GetObject")));
        std::fs::remove_dir_all(&folder).expect("it is ours");
    }

    #[test]
    fn a_world_that_cannot_be_read_is_refused() {
        let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(["playground", "-w", "/nowhere/world.json"])
            .output()
            .expect("it runs");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    }
}

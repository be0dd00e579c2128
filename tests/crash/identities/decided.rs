//! What the gate decides is what the policies say that are stored.

use super::super::read::blocks;
use super::super::support::Client;
use super::changer::Changer;
use super::holdings::{Holdings, KEYS, attempt_form, mask, user_arn};
use serde_json::json;
use std::collections::BTreeMap;

impl Changer {
    /// After a restart: what was acknowledged holds, what had no answer is wholly there or wholly not, and requests
    /// are decided by it.
    pub fn check(&mut self, root: &Client) {
        let read = Holdings::read(root, &self.names);
        if let Some(mut after) = self.pending.take() {
            after.learn(&read);
            if read == after && read != self.known {
                self.resolved.1 += 1;
                self.known = after;
            } else {
                self.resolved.0 += 1;
            }
        }
        assert_eq!(
            read, self.known,
            "{}: on the left what is there, on the right what was acknowledged",
            self.names.user
        );
        self.decisions(root);
    }

    fn decisions(&self, root: &Client) {
        let names = &self.names;
        let user = Client { keys: Some((names.access_key.clone(), names.access_key.clone())), ..root.clone() };
        let opens = self.known.opens();
        self.simulated(root, opens);
        let of_bucket = self.known.bucket.as_deref().map_or(0, mask);
        for bit in 0..KEYS {
            for (bucket, mask) in [("data", opens), (names.bucket.as_str(), of_bucket)] {
                let wanted = if mask & (1 << bit) == 0 { 403 } else { 200 };
                let answer = user.get(&format!("/{bucket}/k{bit}"));
                assert_eq!(answer.status, wanted, "{} {bucket}/k{bit}: {:#?}", names.user, self.known);
            }
        }
        let role = format!("arn:aws:iam::111122223333:role/{}", names.role);
        let fields = [("Action", "AssumeRole"), ("RoleArn", role.as_str()), ("RoleSessionName", "check")];
        let answer = attempt_form(&user, "sts", &fields).expect("the server answers");
        let wanted = if mask(&self.known.trust) == 1 { 200 } else { 403 };
        assert_eq!(answer.status, wanted, "{}: {}", self.known.trust, answer.text());
        let input = json!({"KeyId": names.key, "Plaintext": "eA=="});
        let answer = user.of("kms").call("TrentService.Encrypt", &input);
        // What speaks JSON refuses with 400.
        let wanted = if mask(&self.known.key) == 1 { 200 } else { 400 };
        assert_eq!(answer.status, wanted, "{}: {}", self.known.key, answer.text());
        for (id, secret) in &self.secrets {
            let with = Client { keys: Some((id.clone(), secret.clone())), ..root.clone() };
            let code = with.get("/data/k0").code();
            assert_eq!(code != "InvalidAccessKeyId", self.known.keys.contains(id), "{id}: {code}");
        }
    }

    /// The simulator says the same.
    fn simulated(&self, root: &Client, opens: u8) {
        let source = user_arn(&self.names.user);
        let resources: Vec<(String, String)> = (0..KEYS)
            .map(|bit| (format!("ResourceArns.member.{}", bit + 1), format!("arn:aws:s3:::data/k{bit}")))
            .collect();
        let mut fields = vec![
            ("Action", "SimulatePrincipalPolicy"),
            ("PolicySourceArn", source.as_str()),
            ("ActionNames.member.1", "s3:GetObject"),
        ];
        fields.extend(resources.iter().map(|(name, arn)| (name.as_str(), arn.as_str())));
        let text = attempt_form(root, "iam", &fields).expect("the server answers").text();
        let decided = blocks(&text, &["EvalResourceName", "EvalDecision"]);
        let said: BTreeMap<&str, &str> = decided
            .windows(2)
            .filter(|pair| pair[0].0 == "EvalResourceName" && pair[1].0 == "EvalDecision")
            .map(|pair| (pair[0].1.as_str(), pair[1].1.as_str()))
            .collect();
        for bit in 0..KEYS {
            let wanted = if opens & (1 << bit) == 0 { "implicitDeny" } else { "allowed" };
            let of_key = said.get(format!("arn:aws:s3:::data/k{bit}").as_str()).copied();
            assert_eq!(of_key, Some(wanted), "{} k{bit}: {text}", self.names.user);
        }
    }
}

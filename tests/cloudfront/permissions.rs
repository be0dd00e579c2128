//! Every row of the table needs its permission.

use super::{Config, DISTRIBUTIONS, Place, document, is, made, said};
use portcullis::gate::services::cloudfront::TABLE;
use portcullis::gate::services::{Route, Service};

/// A request of a row, on things that exist, with a body that would do.
fn request(place: &Place, route: Route) -> (&'static str, String) {
    let Route::Path { method, path, query } = route else { panic!("CloudFront routes by path") };
    let identity = place.root.get(super::IDENTITIES).element("Id");
    let distribution = place.root.get(DISTRIBUTIONS).element("Id");
    let id = if path.contains("/distribution/") { &distribution } else { &identity };
    let path = path.split('/').map(|part| if part.starts_with('{') { id.as_str() } else { part });
    let path = path.collect::<Vec<_>>().join("/");
    let mut parameters: Vec<String> = query.iter().map(|query| (*query).to_owned()).collect();
    if path.ends_with("/tagging") {
        parameters.push(format!("Resource=arn%3Aaws%3Acloudfront%3A%3A111122223333%3Adistribution%2F{distribution}"));
    }
    (method.name(), format!("{path}?{}", parameters.join("&")))
}

#[test]
fn each_operation_is_refused_without_its_permission() {
    let place = Place::new();
    place.identity("i");
    let config = Config::new("d");
    place.distribution(&config);
    let state = || {
        let lists = [
            "/2020-05-31/origin-access-identity/cloudfront",
            DISTRIBUTIONS,
            super::CONTROLS,
            super::KEYS,
            super::GROUPS,
        ];
        lists.map(|path| place.root.get(path).text())
    };
    let before = state();
    for row in TABLE {
        let (method, path) = request(&place, row.route);
        let etag = place.root.get(DISTRIBUTIONS).element("ETag");
        let answer = place.nobody.send(method, &path, &[("if-match", &etag)], config.xml().as_bytes());
        assert_eq!(said(&answer), is(403, "AccessDenied"), "{}: {}", row.name, answer.text());
        let action = row.needs[0].action;
        assert!(answer.element("Message").contains(action), "{}: {}", row.name, answer.text());
        let anonymous = place.server.anonymous().of_service("cloudfront").send(method, &path, &[], b"");
        assert!(anonymous.status >= 400, "{}: {}", row.name, anonymous.text());
    }
    assert_eq!(state(), before, "nothing changed");
    assert!(TABLE.len() > 40 && TABLE.iter().all(|row| row.service == Service::CloudFront));
}

#[test]
fn tags_of_the_request_and_of_the_thing_count() {
    let place = Place::new();
    let reader = place.server.client("AKIAREADER", "reader-secret").of_service("cloudfront");
    let body = |reference: &str, team: &str| {
        let config = format!("<DistributionConfig>{}</DistributionConfig>", Config::new(reference).inner());
        let tags = format!("<Tags><Items><Tag><Key>team</Key><Value>{team}</Value></Tag></Items></Tags>");
        document("DistributionConfigWithTags", &format!("{config}{tags}"))
    };
    let path = format!("{DISTRIBUTIONS}?WithTags");
    let refused = reader.send("POST", &path, &[], body("a", "blue").as_bytes());
    assert_eq!(said(&refused), is(403, "AccessDenied"));
    let red = made(&reader.send("POST", &path, &[], body("a", "red").as_bytes()));
    let blue = made(&place.root.send("POST", &path, &[], body("b", "blue").as_bytes()));
    assert_eq!(reader.get(&format!("{DISTRIBUTIONS}/{}", red.id)).status, 200);
    assert_eq!(said(&reader.get(&format!("{DISTRIBUTIONS}/{}", blue.id))), is(403, "AccessDenied"));
    let none = reader.get(&format!("{DISTRIBUTIONS}/ENONE"));
    assert_eq!(said(&none), is(403, "AccessDenied"), "existence is told to those who may ask");
}

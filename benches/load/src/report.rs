//! Tables in Markdown.

use crate::server::Server;
use crate::work::{Measured, Work};

/// The rounds of one work.
pub struct Table {
    work: Work,
    names: Vec<&'static str>,
    /// Requests per second of every round.
    rates: Vec<Vec<f64>>,
    /// Processor time of the server for a request, in microseconds, in every round.
    cpu: Vec<Vec<f64>>,
}

impl Table {
    pub fn new(work: Work, servers: &[Server]) -> Self {
        Self::of(work, servers.iter().map(|s| s.name).collect())
    }

    /// Of ways that have these names.
    pub fn of(work: Work, names: Vec<&'static str>) -> Self {
        let empty = || vec![Vec::new(); names.len()];
        Self { work, rates: empty(), cpu: empty(), names }
    }

    /// What each way through CloudFront's door reaches, beside the plain one.
    pub fn print_doors(&self) {
        println!("\n{}, directly and through CloudFront's door\n", self.work.name());
        self.print_beside_first("way", "direct", |number, ratio, _| {
            (number > 0).then(|| ("at least 0.8".to_owned(), ratio >= 0.8))
        });
    }

    /// What identities and keys cost, beside a GET that needs neither.
    pub fn print_keys(&self, trail: &str) {
        println!("\n{} and data keys, {trail} trail\n", self.work.name());
        self.print_beside_first("way", "the first", |number, ratio, rate| match number {
            0 => None,
            1 => Some(("at least 0.7".to_owned(), ratio >= 0.7)),
            _ => Some(("20,000/s".to_owned(), rate >= 20_000.0)),
        });
    }

    /// A row for each, with its ratio to the first; what is wanted is told by number, ratio and requests per second.
    fn print_beside_first(&self, what: &str, first: &str, wanted: impl Fn(usize, f64, f64) -> Option<(String, bool)>) {
        println!(
            "| {what} | requests/s, median | least | most | CPU µs per request | it ÷ {first}, by rounds | wanted |"
        );
        println!("|---|---|---|---|---|---|---|");
        for (number, name) in self.names.iter().enumerate() {
            let (rate, least, most) = spread(&self.rates[number]);
            let (cpu, ..) = spread(&self.cpu[number]);
            let ratios: Vec<f64> = self.rates[0].iter().zip(&self.rates[number]).map(|(a, it)| it / a).collect();
            let (ratio, low, high) = spread(&ratios);
            let wanted = wanted(number, ratio, rate).map_or_else(String::new, |(wanted, met)| {
                let word = if met { "met" } else { "missed" };
                format!("{wanted}: {word}")
            });
            let ratio = format!("{ratio:.3} ({low:.3} to {high:.3})");
            println!("| {name} | {rate:.0} | {least:.0} | {most:.0} | {cpu:.1} | {ratio} | {wanted} |");
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    pub fn add(&mut self, server: usize, measured: &Measured) {
        let requests = measured.requests.max(1) as f64;
        self.rates[server].push(measured.requests as f64 / measured.seconds);
        self.cpu[server].push(measured.cpu / requests * 1e6);
    }

    /// What each trail costs, beside none at all.
    pub fn print_costs(&self) {
        println!("\n{}\n", self.work.name());
        self.print_beside_first("trail", "off", |number, ratio, _| {
            let wanted = self.work.share_of_trail(self.names[number])?;
            Some((format!("at least {wanted}"), ratio >= wanted))
        });
    }

    pub fn print(&self) {
        println!("\n{}\n", self.work.name());
        println!("| server | requests/s, median | least | most | CPU µs per request | portcullis ÷ it, by rounds |");
        println!("|---|---|---|---|---|---|");
        for (number, name) in self.names.iter().enumerate() {
            let (rate, least, most) = spread(&self.rates[number]);
            let (cpu, ..) = spread(&self.cpu[number]);
            let ratios: Vec<f64> = self.rates[0].iter().zip(&self.rates[number]).map(|(ours, it)| ours / it).collect();
            let (ratio, low, high) = spread(&ratios);
            let ratio = if number == 0 { String::new() } else { format!("{ratio:.2} ({low:.2} to {high:.2})") };
            println!("| {name} | {rate:.0} | {least:.0} | {most:.0} | {cpu:.1} | {ratio} |");
            if let (&"s3s-fs", Some(goal)) = (name, self.work.goal()) {
                let (median, ..) = spread(&ratios);
                let word = if median >= goal { "met" } else { "missed" };
                println!("| | | | | | at least {goal} is wanted: {word} |");
            }
        }
    }
}

/// Median, least and most.
fn spread(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |n: usize| sorted.get(n).copied().unwrap_or(f64::NAN);
    let last = sorted.len().saturating_sub(1);
    (f64::midpoint(at(last / 2), at(last.div_ceil(2))), at(0), at(last))
}

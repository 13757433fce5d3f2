//! A scrape, read as a scraper reads it.

use std::collections::BTreeMap;

/// A process's response.
pub struct Scrape {
    text: String,
}

impl Scrape {
    /// Sends the request; the response must have the text format.
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{answer:?}");
        let kind = answer.headers()["content-type"].to_str().unwrap();
        assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
        let text = answer.text().await.unwrap();
        let scrape = Self { text };
        scrape.is_well_formed();
        scrape
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The sum of all series of this name that have these labels; 0 if there are none.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let of_name = |line: &&str| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with([' ', '{']))
        };
        let has = |line: &&str| {
            let mut labels = labels.iter();
            labels.all(|(label, word)| line.contains(&format!("{label}=\"{word}\"")))
        };
        let lines = self.text.lines().filter(of_name).filter(has);
        lines
            .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    }

    /// Each family and its type.
    pub fn types(&self) -> BTreeMap<String, String> {
        let types = self
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "));
        types
            .filter_map(|line| line.split_once(' '))
            .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
            .collect()
    }

    /// Checks that every line is a comment, or a series with a number whose family was declared before.
    fn is_well_formed(&self) {
        let types = self.types();
        for line in self.text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let name = series.split('{').next().unwrap();
            let of_histogram = ["_bucket", "_sum", "_count"]
                .iter()
                .filter_map(|ending| name.strip_suffix(ending))
                .any(|family| types.get(family).is_some_and(|kind| kind == "histogram"));
            assert!(types.contains_key(name) || of_histogram, "{line}");
        }
    }
}

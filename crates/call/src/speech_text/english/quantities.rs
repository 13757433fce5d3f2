//! Money, measures, shares, ranks and plain numbers.

use regex::Captures;

use super::super::numbers::{cardinal, number, ordinal, plural};
use super::{Rule, rule};

/// A number as it is written: 5, 1,234, 3.5, .5.
const NUMBER: &str = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+";

/// Sign or code, one of it, its hundredth.
const MONEY: &[(&str, &str, &str)] = &[
    ("$", "dollar", "cent"),
    ("US$", "U S dollar", "cent"),
    ("€", "euro", "cent"),
    ("£", "pound", "penny"),
    ("¥", "yen", ""),
    ("₹", "rupee", "paisa"),
    ("₿", "bitcoin", ""),
    ("USD", "dollar", "cent"),
    ("EUR", "euro", "cent"),
    ("GBP", "pound", "penny"),
    ("CHF", "Swiss franc", "rappen"),
    ("CAD", "Canadian dollar", "cent"),
    ("AUD", "Australian dollar", "cent"),
    ("JPY", "yen", ""),
];

/// Units after a number, and what one of them is called.
const UNITS: &[(&str, &str)] = &[
    ("km/h", "kilometer per hour"),
    ("kph", "kilometer per hour"),
    ("mph", "mile per hour"),
    ("m/s", "meter per second"),
    ("mpg", "mile per gallon"),
    ("km²", "square kilometer"),
    ("m²", "square meter"),
    ("cm²", "square centimeter"),
    ("m³", "cubic meter"),
    ("sq ft", "square foot"),
    ("sqft", "square foot"),
    ("sq m", "square meter"),
    ("km", "kilometer"),
    ("cm", "centimeter"),
    ("mm", "millimeter"),
    ("µm", "micrometer"),
    ("nm", "nanometer"),
    ("m", "meter"),
    ("mi", "mile"),
    ("ft", "foot"),
    ("yd", "yard"),
    ("kg", "kilogram"),
    ("mg", "milligram"),
    ("µg", "microgram"),
    ("g", "gram"),
    ("lbs", "pound"),
    ("lb", "pound"),
    ("oz", "ounce"),
    ("fl oz", "fluid ounce"),
    ("ml", "milliliter"),
    ("mL", "milliliter"),
    ("cl", "centiliter"),
    ("dl", "deciliter"),
    ("L", "liter"),
    ("l", "liter"),
    ("gal", "gallon"),
    ("tbsp", "tablespoon"),
    ("tsp", "teaspoon"),
    ("kcal", "kilocalorie"),
    ("cal", "calorie"),
    ("kB", "kilobyte"),
    ("KB", "kilobyte"),
    ("MB", "megabyte"),
    ("GB", "gigabyte"),
    ("TB", "terabyte"),
    ("kbps", "kilobit per second"),
    ("Mbps", "megabit per second"),
    ("Gbps", "gigabit per second"),
    ("GHz", "gigahertz"),
    ("MHz", "megahertz"),
    ("kHz", "kilohertz"),
    ("Hz", "hertz"),
    ("kWh", "kilowatt hour"),
    ("MW", "megawatt"),
    ("kW", "kilowatt"),
    ("W", "watt"),
    ("mAh", "milliampere hour"),
    ("V", "volt"),
    ("dB", "decibel"),
    ("hPa", "hectopascal"),
    ("psi", "P S I"),
    ("px", "pixel"),
    ("hrs", "hour"),
    ("hr", "hour"),
    ("h", "hour"),
    ("mins", "minute"),
    ("min", "minute"),
    ("secs", "second"),
    ("sec", "second"),
    ("s", "second"),
    ("ms", "millisecond"),
    ("yrs", "year"),
    ("yr", "year"),
    ("pp", "percentage point"),
];

pub(super) fn rules() -> Vec<Rule> {
    let signs = r"(US\$|[$€£¥₹₿]|\b(?:USD|EUR|GBP|CHF|CAD|AUD|JPY)\b)";
    let scale = r"(?:\s?(thousand|million|billion|trillion|bn|[kKMB])\b)?";
    let mut units: Vec<String> = UNITS.iter().map(|(unit, _)| regex::escape(unit)).collect();
    units.sort_by_key(|unit| std::cmp::Reverse(unit.len()));
    let units = units.join("|");
    let amount = r"(\d{1,3}(?:\.\d{3})+|\d+)";
    let currency = r"[€$£¥]|(?:EUR|USD|GBP|CHF|euros?|dollars?|percent)\b";
    vec![
        // A comma before one or two digits is a decimal one where a unit says so: "1.234,50 €".
        rule(
            &format!(r"(^|[^\d.,\w]){amount},(\d{{1,2}})(\s?(?:%|{currency}|(?:{units})(?:\W|$)))"),
            |c| {
                Some(format!(
                    "{}{}.{}{}",
                    &c[1],
                    c[2].replace('.', ""),
                    &c[3],
                    &c[4]
                ))
            },
        ),
        rule(
            &format!(r"([€$£¥]|\b(?:EUR|USD|GBP|CHF))(\s?){amount},(\d{{1,2}})([^\d,]|$)"),
            |c| {
                Some(format!(
                    "{}{}{}.{}{}",
                    &c[1],
                    &c[2],
                    c[3].replace('.', ""),
                    &c[4],
                    &c[5]
                ))
            },
        ),
        rule(r"\b(\d{1,3}(?:\.\d{3})+)(\s?€)", |c| {
            Some(format!("{}{}", c[1].replace('.', ""), &c[2]))
        }),
        rule(r"(^|[^\d.,\w])(\d+),(\d{1,2})([^\d,]|$)", |c| {
            Some(format!("{}{}, {}{}", &c[1], &c[2], &c[3], &c[4]))
        }),
        rule(
            &format!(r"{signs}\s?({NUMBER})\s?[-–—]\s?(?:[$€£¥₹₿]\s?)?({NUMBER}){scale}"),
            |c| {
                let high = money(&c[1], &c[3], c.get(4).map(|s| s.as_str()))?;
                Some(format!("{} to {high}", number(&c[2])))
            },
        ),
        rule(
            &format!(r"(^|[\s(])?([-−])?{signs}\s?({NUMBER}){scale}"),
            |c| {
                let lead = c.get(1).map_or("", |lead| lead.as_str());
                let minus = if c.get(2).is_some() { "minus " } else { "" };
                let spoken = money(&c[3], &c[4], c.get(5).map(|s| s.as_str()))?;
                Some(format!("{lead}{minus}{spoken}"))
            },
        ),
        rule(
            &format!(r"\b({NUMBER}){scale}\s?([€£¥₹]|(?:USD|EUR|GBP|CHF|CAD|AUD|JPY)\b)"),
            |c| money(&c[3], &c[1], c.get(2).map(|s| s.as_str())),
        ),
        rule(r"\b(\d+)\s?(?:¢|ct\b)", |c| Some(counted(&c[1], "cent"))),
        rule(r"\b24/7\b", |_| Some("twenty-four seven".into())),
        rule(r"\b(?:(\d+)[ -])?(\d{1,2})/(\d{1,3})\b", fraction),
        rule("(½|¼|¾|⅓|⅔)", |c| {
            let (n, d) = match &c[1] {
                "½" => (1, 2),
                "¼" => (1, 4),
                "¾" => (3, 4),
                "⅓" => (1, 3),
                _ => (2, 3),
            };
            Some(format!(" {}", part(n, d)))
        }),
        rule(r"(?:№|\b(?:No|Nr)\.)\s?(\d+)", |c| {
            Some(format!("number {}", number(&c[1])))
        }),
        rule(r"#\s?(\d+)\b", |c| {
            Some(format!("number {}", number(&c[1])))
        }),
        rule(r"§\s?(\d+)", |c| {
            Some(format!("section {}", number(&c[1])))
        }),
        rule(r"\b(?:v|V|version |Version )(\d+(?:\.\d+)+)", |c| {
            Some(version(&c[1]))
        }),
        rule(r"\b\d+\.\d+\.\d+(?:\.\d+)*\b", |c| {
            Some(version(&c[0]).replacen("version ", "", 1))
        }),
        rule(r"([-−])?\b(\d+(?:\.\d+)?)\s?°\s?([CF])\b", |c| {
            let minus = if c.get(1).is_some() { "minus " } else { "" };
            let scale = if &c[3] == "C" {
                "Celsius"
            } else {
                "Fahrenheit"
            };
            Some(format!("{minus}{} {scale}", counted(&c[2], "degree")))
        }),
        rule(r"\b(\d+(?:\.\d+)?)\s?°", |c| {
            Some(counted(&c[1], "degree"))
        }),
        // From … to …, before the unit that both share.
        rule(
            &format!(r"\b({NUMBER})\s?[-–—]\s?({NUMBER})(\s?(?:%|{units})(?:\W|$))"),
            |c| Some(format!("{} to {}{}", number(&c[1]), &c[2], &c[3])),
        ),
        rule(&format!(r"(^|[\s(])[-−]({NUMBER})"), |c| {
            Some(format!("{}minus {}", &c[1], &c[2]))
        }),
        rule(&format!(r"({NUMBER})\s?%"), |c| {
            Some(format!("{} percent", number(&c[1])))
        }),
        rule(
            &format!(r"(^|[^\w.])({NUMBER})[ \u{{a0}}-]?({units})($|[^\w²³/])"),
            |c| {
                let (_, name) = UNITS.iter().find(|(unit, _)| *unit == &c[3])?;
                Some(format!("{}{}{}", &c[1], counted(&c[2], name), &c[4]))
            },
        ),
        rule(r#"\b(\d+)'\s?(\d{1,2})(?:"|'')?"#, |c| {
            Some(format!("{} {}", counted(&c[1], "foot"), number(&c[2])))
        }),
        rule(r"\b(\d+)(?:st|nd|rd|th)\b", |c| {
            Some(ordinal(c[1].parse().ok()?))
        }),
        rule(&format!(r"\b({NUMBER})\s?([KkMB]|bn)\b"), |c| {
            Some(format!("{} {}", number(&c[1]), scale_name(&c[2])))
        }),
        rule(r"\b(\d+)\s?x\s?(\d+)\b", |c| {
            Some(format!("{} by {}", number(&c[1]), number(&c[2])))
        }),
        rule(r"\b(\d+)x\b", |c| Some(format!("{} times", number(&c[1])))),
        rule(r"\b(\d+)\s?:\s?(\d+)\b", |c| {
            Some(format!("{} to {}", number(&c[1]), number(&c[2])))
        }),
        rule(r"\b(\d+)\s?\^\s?(\d+)\b", |c| {
            Some(format!(
                "{} to the power of {}",
                number(&c[1]),
                number(&c[2])
            ))
        }),
        rule(r"(\d)\s?[×*]\s?(\d)", |c| {
            Some(format!("{} times {}", &c[1], &c[2]))
        }),
        rule(r"(\d)\s?[+]\s?(\d)", |c| {
            Some(format!("{} plus {}", &c[1], &c[2]))
        }),
        rule(r"(\d)\+", |c| Some(format!("{} plus", &c[1]))),
        rule(r"(\d)\s-\s(\d)", |c| {
            Some(format!("{} minus {}", &c[1], &c[2]))
        }),
        rule(&format!(r"\b({NUMBER})\s?[-–—]\s?({NUMBER})\b"), |c| {
            Some(format!("{} to {}", number(&c[1]), number(&c[2])))
        }),
        rule(r"(?:~|≈|\bca\.)\s?(\d)", |c| {
            Some(format!("about {}", &c[1]))
        }),
        rule(r"±\s?(\d)", |c| Some(format!("plus or minus {}", &c[1]))),
        rule(r"<\s?(\d)", |c| Some(format!("less than {}", &c[1]))),
        rule(r">\s?(\d)", |c| Some(format!("more than {}", &c[1]))),
        super::times::lone_year(),
        // A list's number at the begin of a line.
        rule(r"^(\d{1,3})[.)]\s", |c| {
            Some(format!("{}: ", number(&c[1])))
        }),
        rule(r"([A-Za-z])-?(\d)", |c| {
            Some(format!("{} {}", &c[1], &c[2]))
        }),
        rule(r"(\d)-?([A-Za-z])", |c| {
            Some(format!("{} {}", &c[1], &c[2]))
        }),
        rule(NUMBER, |c| Some(number(&c[0]))),
    ]
}

/// "3.5", "million" of "$" is "three point five million dollars"; "3.50" is "three dollars and
/// fifty cents".
fn money(sign: &str, amount: &str, scale: Option<&str>) -> Option<String> {
    let (_, unit, hundredth) = MONEY.iter().find(|(name, ..)| *name == sign)?;
    if let Some(scale) = scale {
        return Some(format!(
            "{} {} {}",
            number(amount),
            scale_name(scale),
            many(unit)
        ));
    }
    let amount = amount.replace(',', "");
    let (whole, cents) = amount.split_once('.').unwrap_or((&amount, ""));
    if hundredth.is_empty() || cents.len() > 2 {
        return Some(format!("{} {}", number(&amount), many(unit)));
    }
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let cents: u64 = match cents.len() {
        0 => 0,
        1 => cents.parse::<u64>().ok()? * 10,
        _ => cents.parse().ok()?,
    };
    let say = |n: u64, unit: &str| {
        format!(
            "{} {}",
            cardinal(n),
            if n == 1 { unit.to_owned() } else { many(unit) }
        )
    };
    Some(match (whole, cents) {
        (_, 0) => say(whole, unit),
        (0, _) => say(cents, hundredth),
        _ => format!("{} and {}", say(whole, unit), say(cents, hundredth)),
    })
}

fn scale_name(scale: &str) -> &str {
    match scale {
        "k" | "K" => "thousand",
        "M" => "million",
        "B" | "bn" => "billion",
        name => name,
    }
}

/// "one mile", "two miles", "three point five miles".
fn counted(text: &str, unit: &str) -> String {
    let unit = if text == "1" {
        unit.to_owned()
    } else {
        many(unit)
    };
    format!("{} {unit}", number(text))
}

/// The plural of a unit, whose head comes before "per".
fn many(unit: &str) -> String {
    if let Some((head, per)) = unit.split_once(" per ") {
        return format!("{} per {per}", many(head));
    }
    match unit {
        "penny" => "pence".to_owned(),
        "yen" | "hertz" | "gigahertz" | "megahertz" | "kilohertz" | "rappen" | "P S I" => {
            unit.to_owned()
        }
        _ if unit.ends_with("foot") => unit.replace("foot", "feet"),
        _ => plural(unit),
    }
}

fn fraction(c: &Captures<'_>) -> Option<String> {
    let (n, d): (u64, u64) = (c[2].parse().ok()?, c[3].parse().ok()?);
    if d < 2 || (c.get(1).is_some() && n >= d) {
        return None;
    }
    // "5/7" of people and "9/11" are said as they stand.
    if c.get(1).is_none() && (n >= d || ![2, 3, 4, 5, 8, 10, 16, 100].contains(&d)) {
        return Some(format!("{} {}", cardinal(n), cardinal(d)));
    }
    Some(match c.get(1) {
        Some(whole) => format!("{} and {}", number(whole.as_str()), part(n, d)),
        None => part(n, d),
    })
}

fn part(n: u64, d: u64) -> String {
    let name = match d {
        2 => "half".to_owned(),
        4 => "quarter".to_owned(),
        _ => ordinal(d),
    };
    match n {
        1 => format!("{} {name}", if d == 2 || d == 4 { "a" } else { "one" }),
        _ => format!(
            "{} {}",
            cardinal(n),
            if d == 2 {
                "halves".to_owned()
            } else {
                plural(&name)
            }
        ),
    }
}

fn version(text: &str) -> String {
    let parts: Vec<String> = text.split('.').map(number).collect();
    format!("version {}", parts.join(" point "))
}

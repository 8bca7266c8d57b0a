//! What must hold for every text: nothing panics, and what was read reads the same when written.

use proptest::prelude::*;

use super::authorizer::{parse_field_selector, parse_label_selector};
use super::format::NamedFormat;
use super::net::{Cidr, Ip};
use super::numbers;
use super::quantity::Quantity;
use super::regex::Regex;
use super::semver::Semver;
use super::string_format::pieces;
use super::strings;
use super::time::{Duration, Timestamp};
use super::url::Url;
use crate::profile::Profile;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn quantities(text in r"[-+]?[0-9]{0,24}(\.[0-9]{0,14})?([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]{1,3})?", other in "[1-9][0-9]{0,20}[mGi]{0,2}") {
        let (Ok(quantity), Ok(other)) = (Quantity::parse(&text), Quantity::parse(&other)) else { return Ok(()) };
        if quantity.format().as_str() != "DecimalSI" || quantity.as_approximate_float().abs() < 1e21 {
            let again = Quantity::parse(&quantity.to_string()).expect("canonical texts are quantities");
            prop_assert!(again == quantity, "{text} {quantity} {again}");
        }
        if let Ok(sum) = quantity.add(&other) {
            prop_assert!(sum.sub(&other).expect("the inverse is no larger") == quantity);
            prop_assert_eq!(quantity.compare(&sum), other.sign().cmp(&0).reverse());
        }
    }

    #[test]
    fn times(seconds in -62_135_596_800_i64..253_402_300_800, nanos in any::<i64>()) {
        let time = Timestamp::from_unix(seconds).expect("within the range");
        prop_assert_eq!(Timestamp::parse(&time.to_string()).expect("written by us"), time);
        let duration = Duration::from_nanos(nanos);
        if let Ok(later) = time.add(duration) {
            prop_assert_eq!(Timestamp::parse(&later.to_string()).expect("written by us"), later);
            prop_assert_eq!(later.since(&time).map(Duration::nanos), Ok(nanos));
        }
        let years = time.fields(Some("Europe/Berlin")).expect("a zone").year - time.fields(None).expect("UTC").year;
        prop_assert!((0..=1).contains(&years));
    }

    #[test]
    fn doubles(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        let read = numbers::parse_f64(&numbers::double_text(value));
        prop_assert_eq!(read.map(f64::to_bits).filter(|_| value.is_finite()), value.is_finite().then_some(bits));
        let hexadecimal = format!("{}0x{:x}p{}", if value < 0.0 { "-" } else { "" }, bits & 0xff_ffff, bits >> 54);
        let _ = numbers::parse_f64(&hexadecimal);
    }

    #[test]
    fn any_text(text in r#"(\PC|[-+.,:/%\[\](){}=!<>~@#?&0-9a-fx\\\\"]){0,24}"#, index in -2_i64..30) {
        let _ = (Quantity::parse(&text), Timestamp::parse(&text), Duration::parse(&text), Cidr::parse(&text));
        let _ = (numbers::parse_f64(&text), numbers::quote(&text), strings::quote(&text), pieces(&text).count());
        let _ = (parse_field_selector(&text), parse_label_selector(&text));
        let _ = Timestamp::from_unix(0).expect("1970").fields(Some(&text));
        if let Ok(version) = Semver::parse_lenient(&text) {
            prop_assert_eq!(Semver::parse(&version.to_string()).expect("written by us").to_string(), version.to_string());
        }
        if let Ok(ip) = Ip::parse(&text) {
            prop_assert_eq!(Ip::is_canonical(&ip.to_string()), Ok(true));
        }
        if let Ok(url) = Url::parse(&text) {
            let _ = (url.query(), url.host(), url.hostname(), url.port(), url.escaped_path(), url.to_string());
        }
        for name in ["dns1123LabelPrefix", "qualifiedName", "uuid", "byte", "datetime", "labelValue"] {
            let _ = NamedFormat::named(name).expect("a name").validate(&text);
        }
        for profile in Profile::ALL {
            let _ = strings::last_index_of_from(&text, "a", index, profile);
            let _ = strings::index_of_from(&text, "a", index, profile);
        }
        let _ = (strings::substring(&text, 1, index), strings::char_at(&text, index), strings::split(&text, "", index));
        prop_assert_eq!(strings::split(&text, ":", -1).join(":"), text);
    }

    #[test]
    fn patterns(pattern in r#"(\PC|[-+*?.^$|()\[\]{}0-9,:abzQEpPdwsSBiU\\<>!&=]|\(\?|\[\[:|\\p\{|\{2,){0,16}"#, text in "[a-zA-Z0-9 .:é\n]{0,12}") {
        if let Ok(regex) = Regex::compile(&pattern) {
            prop_assert_eq!(regex.is_match(&text).unwrap(), !regex.find_all(&text, 1).unwrap().is_empty());
            for found in regex.find_all(&text, -1).unwrap() {
                prop_assert!(text.contains(found));
            }
        } else {
            let error = Regex::compile(&pattern).expect_err("refused before").to_string();
            prop_assert!(!error.contains("too large"), "the crate does not take what we wrote: {pattern}");
        }
    }
}

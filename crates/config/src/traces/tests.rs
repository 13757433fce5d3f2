use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<Option<Traces>, BadVariable> {
    let lookup = |name: &str| {
        let found = pairs.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    Traces::read(&Variables(&lookup))
}

/// With an address, and these variables.
fn with(pairs: &[(&str, &str)]) -> Result<Traces, BadVariable> {
    let address = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
    let all: Vec<_> = [address].into_iter().chain(pairs.iter().copied()).collect();
    read(&all).map(|traces| traces.expect("there is an address"))
}

#[test]
fn without_an_address_nothing_is_recorded() {
    // Perhaps injected into every container of a cluster: no reason to refuse to start.
    let of_others = [
        ("OTEL_SERVICE_NAME", "shop"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ];
    assert_eq!(read(&of_others), Ok(None));
    for off in [
        ("OTEL_SDK_DISABLED", "True"),
        ("OTEL_TRACES_EXPORTER", "none"),
    ] {
        let address = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        assert_eq!(read(&[address, off]), Ok(None), "{off:?}");
    }
}

#[test]
fn the_address_is_that_of_all_signals_or_of_traces_alone() {
    let endpoint = |pairs: &[(&str, &str)]| read(pairs).unwrap().unwrap().endpoint.to_string();
    let all = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let own = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    assert_eq!(
        endpoint(&[(all, "http://c:4318/")]),
        "http://c:4318/v1/traces"
    );
    assert_eq!(
        endpoint(&[(all, "https://c/otlp")]),
        "https://c/otlp/v1/traces"
    );
    assert_eq!(
        endpoint(&[(own, "https://c/x"), (all, "http://d")]),
        "https://c/x"
    );
    for bad in ["collector:4318", "grpc://c:4317", "http://"] {
        assert_eq!(read(&[(all, bad)]).unwrap_err().name, all, "{bad}");
    }
}

#[test]
fn headers_are_decoded_and_never_shown() {
    let headers = "api-key=s%20e%2Cret, x-scope = a+b=c&d";
    let traces = with(&[("OTEL_EXPORTER_OTLP_HEADERS", headers)]).unwrap();
    let read: Vec<(&str, String)> = traces
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose().to_string()))
        .collect();
    let expected = [
        ("api-key", "s e,ret".to_owned()),
        ("x-scope", "a+b=c&d".to_owned()),
    ];
    assert_eq!(read, expected);
    assert!(!format!("{traces:?}").contains("ret"), "{traces:?}");
    for bad in [
        "secret-key",
        "=secret-key",
        "a b=secret-key",
        "a=secret-key%0A",
    ] {
        let error = with(&[("OTEL_EXPORTER_OTLP_TRACES_HEADERS", bad)]).unwrap_err();
        assert!(!error.to_string().contains("secret-key"), "{error}");
    }
}

#[test]
fn grpc_is_refused_with_what_to_write() {
    let traces = with(&[]).unwrap();
    assert_eq!(
        (traces.encoding, traces.timeout.as_secs()),
        (Encoding::Protobuf, 10)
    );
    let name = "OTEL_EXPORTER_OTLP_PROTOCOL";
    assert_eq!(
        with(&[(name, "http/json")]).unwrap().encoding,
        Encoding::Json
    );
    let error = with(&[(name, "grpc")]).unwrap_err().to_string();
    assert!(
        error.contains("http/protobuf") && error.contains("4318"),
        "{error}"
    );
    let limit = |ms| with(&[("OTEL_EXPORTER_OTLP_TIMEOUT", ms)]);
    assert_eq!(limit("500").unwrap().timeout.as_millis(), 500);
    assert!(limit("0").is_err() && limit("soon").is_err());
}

#[test]
fn the_service_has_its_own_name_or_that_of_a_variable() {
    let resource = |pairs: &[(&str, &str)]| with(pairs).unwrap().resource;
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(resource(&[]), [pair("service.name", "sidetone")]);
    let listed = (
        "OTEL_RESOURCE_ATTRIBUTES",
        "service.name=voice,deployment.environment=eu%2Cprod",
    );
    let environment = pair("deployment.environment", "eu,prod");
    assert_eq!(
        resource(&[listed]),
        [pair("service.name", "voice"), environment.clone()]
    );
    let named = [listed, ("OTEL_SERVICE_NAME", "calls")];
    assert_eq!(
        resource(&named),
        [pair("service.name", "calls"), environment]
    );
}

#[test]
fn samplers_are_those_of_opentelemetry() {
    let sampler = |name, argument| {
        with(&[
            ("OTEL_TRACES_SAMPLER", name),
            ("OTEL_TRACES_SAMPLER_ARG", argument),
        ])
        .map(|traces| (traces.sampler.share, traces.sampler.follows_parent))
        .map_err(|error| error.name)
    };
    assert_eq!(with(&[]).unwrap().sampler, Sampler::default());
    assert_eq!(sampler("always_off", ""), Ok((0.0, false)));
    assert_eq!(sampler("parentbased_always_on", ""), Ok((1.0, true)));
    assert_eq!(
        sampler("parentbased_traceidratio", "0.25"),
        Ok((0.25, true))
    );
    assert_eq!(
        sampler("traceidratio", "1.5"),
        Err("OTEL_TRACES_SAMPLER_ARG")
    );
    assert_eq!(sampler("jaeger_remote", ""), Err("OTEL_TRACES_SAMPLER"));
}

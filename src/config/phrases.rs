//! What callers say over an agent's voice, by language: "go on", and "stop". PURE.
//!
//! Written for telephone talk, as speech to text spells it; where models drop accents, both spellings
//! are there. A stop phrase counts anywhere in what is said, so Spanish and Portuguese "para", which
//! is also "for", is none: alone it interrupts as any other word does. Agents' files replace a list.

/// Phrases of one language, with commas between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phrases {
    backchannels: &'static str,
    stop: &'static str,
}

impl Phrases {
    /// Say "go on": an overlap of nothing else does not interrupt.
    pub fn backchannels(&self) -> Vec<String> {
        list(self.backchannels)
    }

    /// Always interrupt.
    pub fn stop(&self) -> Vec<String> {
        list(self.stop)
    }
}

fn list(phrases: &str) -> Vec<String> {
    phrases.split(", ").map(str::to_owned).collect()
}

/// Primary language (ISO 639-1) and its phrases.
const LANGUAGES: [(&str, Phrases); 7] = [
    (
        "de",
        Phrases {
            backchannels: "\
                mm, mmm, mhm, mh, hm, hmm, m-hm, aha, ah, ach, ach so, achso, oh, ja, jaja, \
                jo, jep, genau, okay, ok, gut, alles klar, klar, richtig, stimmt, verstehe, \
                ich verstehe, verstanden, super, prima, sehr gut, in ordnung, natürlich",
            stop: "\
                stopp, stop, halt, warte, warten sie, moment, nein, nee, nö, augenblick, \
                sekunde, entschuldigung, ruhe, pause, aufhören, hören sie auf, hör auf",
        },
    ),
    (
        "fr",
        Phrases {
            backchannels: "\
                mm, mmm, mhm, hm, hmm, hum, ah, ah oui, ah bon, oh, oui, ouais, d'accord, ok, \
                okay, bien, très bien, tres bien, bien sûr, bien sur, voilà, voila, exact, \
                exactement, je vois, je comprends, compris, c'est ça, c'est ca, entendu, \
                parfait, super, tout à fait, tout a fait",
            stop: "\
                stop, arrêtez, arretez, arrête, arrete, attendez, attends, non, un instant, un \
                moment, une seconde, une minute, excusez-moi, excusez moi, pardon, pause, \
                silence, taisez-vous, taisez vous",
        },
    ),
    (
        "es",
        Phrases {
            backchannels: "\
                mm, mmm, mhm, hm, hmm, ajá, aja, ah, oh, sí, si, ya, ya veo, vale, ok, okay, \
                okey, bien, muy bien, bueno, claro, por supuesto, exacto, correcto, entiendo, \
                entendido, de acuerdo, perfecto, genial, cierto",
            stop: "\
                pare, alto, stop, espera, espere, espérate, esperate, no, un momento, un \
                segundo, momento, perdón, perdon, perdone, disculpe, disculpa, pausa, \
                silencio, basta, cállate, callate",
        },
    ),
    (
        "it",
        Phrases {
            backchannels: "\
                mm, mmm, mhm, hm, hmm, ah, ah ecco, eh, oh, sì, si, già, ok, okay, okei, bene, \
                va bene, molto bene, certo, certamente, esatto, giusto, capisco, capito, ho \
                capito, d'accordo, perfetto, chiaro, ottimo",
            stop: "\
                stop, ferma, fermati, si fermi, fermo, alt, aspetta, aspetti, no, un attimo, \
                attimo, un momento, momento, un secondo, scusa, scusi, mi scusi, pausa, \
                silenzio, basta, zitto",
        },
    ),
    (
        "pt",
        Phrases {
            backchannels: "\
                mm, mmm, mhm, hm, hmm, uhum, aham, ah, oh, é, sim, tá, ta, tá bom, ta bom, \
                está bem, esta bem, ok, okay, bem, muito bem, certo, claro, com certeza, \
                exato, exatamente, isso, entendo, entendi, percebo, percebi, beleza, perfeito, \
                ótimo, otimo, pois, pois é",
            stop: "\
                pare, pára, stop, espera, espere, não, nao, um momento, um instante, um \
                segundo, só um momento, momento, desculpe, desculpa, com licença, com licenca, \
                pausa, silêncio, silencio, chega, calma",
        },
    ),
    (
        "nl",
        Phrases {
            backchannels: "\
                mm, mmm, mhm, hm, hmm, ah, aha, oh, oké, oke, ok, okay, ja, jaja, jazeker, \
                jep, goed, heel goed, prima, precies, klopt, juist, natuurlijk, zeker, \
                begrepen, ik begrijp het, ik snap het, snap ik, duidelijk, is goed, top",
            stop: "\
                stop, stoppen, ho, wacht, wacht even, nee, neen, momentje, een moment, moment, \
                een ogenblik, ogenblik, seconde, sorry, pardon, excuseer, pauze, stil, hou op, \
                houd op",
        },
    ),
    (
        "pl",
        Phrases {
            backchannels: "\
                mm, mmm, mhm, hm, hmm, yhm, aha, ach, ah, oh, no, no tak, tak, tak tak, jasne, \
                dobrze, dobra, ok, okay, okej, rozumiem, zgadza się, zgadza sie, dokładnie, \
                dokladnie, właśnie, wlasnie, oczywiście, oczywiscie, pewnie, w porządku, w \
                porzadku, świetnie, swietnie, super",
            stop: "\
                stop, stój, stoj, czekaj, poczekaj, zaczekaj, proszę czekać, prosze czekac, \
                proszę poczekać, prosze poczekac, nie, chwila, chwilę, chwile, chwileczkę, \
                chwileczke, moment, momencik, sekundę, sekunde, przepraszam, pauza, cisza, \
                cicho, przestań, przestan, dość, dosc",
        },
    ),
];

/// The phrases of this language (BCP 47); none for English, whose are the default, and for
/// languages without a list, whose callers may well use the English ones.
pub fn of(language: Option<&str>) -> Option<Phrases> {
    let primary = language?.split(['-', '_']).next()?.to_lowercase();
    let found = LANGUAGES.iter().find(|(tag, _)| *tag == primary);
    found.map(|(_, phrases)| *phrases)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::Interruption;

    fn plain(phrase: &str) -> String {
        let bare = phrase.chars().filter(|c| c.is_alphanumeric() || *c == ' ');
        bare.collect::<String>().to_lowercase()
    }

    #[test]
    fn each_phrase_says_one_thing() {
        let english = Interruption::default();
        let lists =
            LANGUAGES.map(|(language, phrases)| (language, phrases.backchannels(), phrases.stop()));
        let english = [("en", english.backchannels, english.stop_phrases)];
        for (language, go_on, stop) in lists.into_iter().chain(english) {
            assert!(go_on.len() >= 15 && stop.len() >= 8, "{language}");
            for phrase in go_on.iter().chain(&stop) {
                assert_eq!(phrase.to_lowercase(), *phrase, "{language}");
                assert!(!plain(phrase).trim().is_empty(), "{language}: {phrase:?}");
            }
            // A stop phrase in the middle of a backchannel would stop the agent.
            for phrase in &go_on {
                let words = plain(phrase);
                let words: Vec<&str> = words.split_whitespace().collect();
                for stop in &stop {
                    let stop = plain(stop);
                    let stop: Vec<&str> = stop.split_whitespace().collect();
                    let inside = words.windows(stop.len()).any(|window| window == stop);
                    assert!(!inside, "{language}: {phrase:?} says {stop:?}");
                }
            }
        }
    }

    #[test]
    fn a_language_is_found_by_its_tag() {
        for tag in ["de", "de-AT", "DE_ch"] {
            assert_eq!(of(Some(tag)), Some(LANGUAGES[0].1), "{tag}");
        }
        for tag in [None, Some("en"), Some("en-GB"), Some("fi"), Some("")] {
            assert_eq!(of(tag), None, "{tag:?}");
        }
    }
}

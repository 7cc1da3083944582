"""Phones of synthetic speech by their ARPAbet names, as targets for a male vocal tract of standard length."""

from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class Phone:
    """A phone, as targets between which the synthesiser interpolates.

    Attributes:
        f1_hz, f2_hz, f3_hz: formants; of a consonant, the loci towards which neighbouring vowels bend.
        voicing, aspiration, frication: amplitudes of the three sources; 1 is the voicing of a stressed vowel.
        friction_hz, friction_width_hz: centre and width of the noise spectrum at the constriction.
        nasal: opening of the velum, 0 to 1.
        seconds: mean duration at a normal pace.
    """

    f1_hz: float
    f2_hz: float
    f3_hz: float
    voicing: float = 0.0
    aspiration: float = 0.0
    frication: float = 0.0
    friction_hz: float = 3000.0
    friction_width_hz: float = 1000.0
    nasal: float = 0.0
    seconds: float = 0.0


# Formants after Peterson & Barney 1952, table II (men); close vowels are slightly opened, so that the first formant
# stays above the pitch. The amplitudes of noise give the mean spectrum of Byrne et al. 1994.
VOWELS: dict[str, Phone] = {
    "iy": Phone(340, 2290, 3010, voicing=0.85, seconds=0.15),
    "ih": Phone(430, 1990, 2550, voicing=0.9, seconds=0.13),
    "eh": Phone(530, 1840, 2480, voicing=1.0, seconds=0.15),
    "ae": Phone(660, 1720, 2410, voicing=1.0, seconds=0.17),
    "aa": Phone(730, 1090, 2440, voicing=1.0, seconds=0.17),
    "ao": Phone(580, 920, 2410, voicing=1.0, seconds=0.17),
    "uh": Phone(460, 1020, 2240, voicing=0.9, seconds=0.13),
    "uw": Phone(370, 950, 2240, voicing=0.85, seconds=0.15),
    "ah": Phone(640, 1190, 2390, voicing=1.0, seconds=0.13),
}
CONSONANTS: dict[str, Phone] = {
    "m": Phone(280, 1000, 2200, voicing=0.5, nasal=1.0, seconds=0.085),
    "n": Phone(280, 1500, 2600, voicing=0.5, nasal=1.0, seconds=0.08),
    "ng": Phone(280, 2000, 2400, voicing=0.5, nasal=1.0, seconds=0.08),
    "l": Phone(360, 1200, 2700, voicing=0.6, seconds=0.07),
    "r": Phone(420, 1300, 1800, voicing=0.6, seconds=0.07),
    "w": Phone(320, 750, 2200, voicing=0.6, seconds=0.07),
    "y": Phone(300, 2150, 2900, voicing=0.6, seconds=0.07),
    "v": Phone(340, 1100, 2300, voicing=0.4, frication=0.00315, friction_hz=4000, friction_width_hz=2500, seconds=0.07),
    "z": Phone(320, 1600, 2600, voicing=0.3, frication=0.0105, friction_hz=5800, friction_width_hz=1100, seconds=0.08),
    "s": Phone(320, 1600, 2600, frication=0.0189, friction_hz=5800, friction_width_hz=1100, seconds=0.1),
    "sh": Phone(320, 1800, 2500, frication=0.0189, friction_hz=3300, friction_width_hz=900, seconds=0.1),
    "f": Phone(340, 1100, 2300, frication=0.0063, friction_hz=4500, friction_width_hz=3000, seconds=0.09),
    "hh": Phone(500, 1500, 2500, aspiration=0.0105, seconds=0.06),
    "p": Phone(300, 900, 2200, seconds=0.07),
    "t": Phone(300, 1700, 2700, seconds=0.07),
    "k": Phone(300, 2000, 2300, seconds=0.07),
    "b": Phone(250, 900, 2200, voicing=0.12, seconds=0.06),
    "d": Phone(250, 1700, 2700, voicing=0.12, seconds=0.06),
    "g": Phone(250, 2000, 2300, voicing=0.12, seconds=0.06),
}
# Burst after the closure of a plosive, and the aspiration of a voiceless one.
BURSTS: dict[str, Phone] = {
    "p": Phone(
        420, 1000, 2250, aspiration=0.009, frication=0.0105, friction_hz=900, friction_width_hz=700, seconds=0.035
    ),
    "t": Phone(
        400, 1700, 2700, aspiration=0.009, frication=0.0189, friction_hz=4800, friction_width_hz=1500, seconds=0.04
    ),
    "k": Phone(
        400, 2000, 2300, aspiration=0.009, frication=0.0189, friction_hz=2000, friction_width_hz=600, seconds=0.04
    ),
    "b": Phone(380, 900, 2200, voicing=0.3, frication=0.0105, friction_hz=900, friction_width_hz=700, seconds=0.012),
    "d": Phone(380, 1700, 2700, voicing=0.3, frication=0.0147, friction_hz=4300, friction_width_hz=1500, seconds=0.012),
    "g": Phone(380, 2000, 2300, voicing=0.3, frication=0.0147, friction_hz=1900, friction_width_hz=600, seconds=0.015),
}
SILENCE = Phone(500, 1500, 2500)

# Relative frequencies of the onsets and codas of syllables; "" is none.
ONSETS: dict[str, float] = {
    "m": 2,
    "n": 2.4,
    "l": 1.2,
    "r": 1.2,
    "w": 1.1,
    "y": 0.6,
    "v": 0.7,
    "z": 0.7,
    "s": 1.8,
    "sh": 1,
    "f": 0.7,
    "hh": 1.2,
    "p": 1,
    "t": 1.8,
    "k": 1.5,
    "b": 0.8,
    "d": 1.4,
    "g": 0.8,
    "": 0.6,
}
CODAS: dict[str, float] = {
    "": 9,
    "n": 3,
    "m": 1.5,
    "ng": 1,
    "s": 1.2,
    "l": 1.2,
    "r": 1,
    "z": 1,
    "t": 1.5,
    "d": 1,
    "k": 0.7,
    "v": 0.5,
}

PHONES: tuple[Phone, ...] = (*VOWELS.values(), *CONSONANTS.values(), *BURSTS.values(), SILENCE)
FIELDS: tuple[str, ...] = tuple(Phone.__dataclass_fields__)
TABLE: list[tuple[float, ...]] = [astuple(phone) for phone in PHONES]

SILENCE_INDEX = len(PHONES) - 1
_FIRST_CONSONANT, _FIRST_BURST = len(VOWELS), len(VOWELS) + len(CONSONANTS)


def consonant_index(name: str) -> int:
    """Return the row of TABLE of a consonant; the row of silence for an empty name."""
    return _FIRST_CONSONANT + list(CONSONANTS).index(name) if name else SILENCE_INDEX


def burst_index(name: str) -> int:
    """Return the row of TABLE of the burst of a plosive; the row of silence for any other phone."""
    return _FIRST_BURST + list(BURSTS).index(name) if name in BURSTS else SILENCE_INDEX

"""The people and places of the demo hospital. None of them exists."""

from dataclasses import dataclass
from datetime import date

SPECIALTIES = [
    ("general-practice", "General practice"),
    ("cardiology", "Cardiology"),
    ("dermatology", "Dermatology"),
    ("mental-health", "Mental health"),
    ("orthopaedics", "Orthopaedics"),
    ("paediatrics", "Paediatrics"),
]

BERLIN, NEW_YORK = "Spree Clinic Berlin", "Hudson Health Center"
# Name, address, phone, zone, country and part of it, and what patients may do by themselves.
CLINICS: list[tuple[str, str, str, str, str, str, dict[str, int]]] = [
    (
        BERLIN,
        "Schiffbauerdamm 40\n10117 Berlin\nGermany",
        "+49 30 5550 1440",
        "Europe/Berlin",
        "DE",
        "BE",
        {},
    ),
    (
        NEW_YORK,
        "221 West 26th Street\nNew York, NY 10001\nUnited States",
        "+1 212 555 0140",
        "America/New_York",
        "US",
        "NY",
        {
            "book_notice_minutes": 60,
            "book_ahead_days": 10,
            "move_notice_hours": 2,
            "cancel_notice_hours": 2,
        },
    ),
]


@dataclass(frozen=True)
class Doctor:
    username: str
    name: str
    specialty: str
    clinic: str
    languages: tuple[str, ...]
    bio: str
    minutes: int = 30  # length of an appointment
    video: bool = False
    photo: bool = False


DOCTORS = [
    Doctor(
        "doctor",
        "Dr. Amara Okonkwo",
        "general-practice",
        BERLIN,
        ("en", "de", "yo"),
        "Family doctor for all ages. I take time and like to explain what I do.",
        video=True,
        photo=True,
    ),
    Doctor(
        "maximiliane",
        "Prof. Dr. med. Maximiliane Freifrau von Hohenlohe-Waldenburg-Schillingsfürst",
        "dermatology",
        BERLIN,
        ("de", "en", "fr"),
        "Head of the skin clinic. Moles, eczema, and what the sun leaves behind.",
        minutes=20,
        photo=True,
    ),
    Doctor(
        "hiroshi",
        "Dr. Hiroshi Tanaka",
        "cardiology",
        NEW_YORK,
        ("ja", "en"),
        "Rhythm disorders and second opinions. Please bring your last ECG if you have one.",
        minutes=40,
    ),
    Doctor(
        "mariajose",
        "Dra. María José Fernández-Villaverde y Ortega de la Cruz",
        "paediatrics",
        NEW_YORK,
        ("es", "en", "pt"),
        "Children from the first day to the last of school, and their worried parents.",
        video=True,
        photo=True,
    ),
    Doctor(
        "priya",
        "Dr. Priya Raghunathan",
        "paediatrics",
        BERLIN,
        ("ta", "hi", "en", "de"),
        "Allergies, asthma and growing pains. There is a shelf of picture books in the room.",
        photo=True,
    ),
    Doctor(
        "siobhan",
        "Dr. Siobhán Ní Bhraonáin",
        "mental-health",
        NEW_YORK,
        ("en",),
        "Anxiety, grief and sleep. Visits by video work just as well as in the room.",
        minutes=50,
        video=True,
    ),
    Doctor(
        "oluwaseun",
        "Dr. Oluwaseun Adébáyò-Williams",
        "orthopaedics",
        BERLIN,
        ("yo", "en", "de"),
        "Knees, hips and shoulders; surgery only when everything else has been tried.",
        minutes=20,
        photo=True,
    ),
    Doctor(
        "minhkhai",
        "Dr. Nguyễn Thị Minh Khai",
        "general-practice",
        NEW_YORK,
        ("vi", "en", "fr"),
        "General practice with a special interest in diabetes and healthy ageing.",
        photo=True,
    ),
    Doctor(
        "leila",
        "Dr. Leila Haddad",
        "dermatology",
        NEW_YORK,
        ("ar", "fr", "en"),
        "Acne, psoriasis and skin of every colour.",
        minutes=20,
        video=True,
    ),
    Doctor(
        "kwame",
        "Dr. Kwame Asante-Boateng",
        "cardiology",
        BERLIN,
        ("en", "de"),
        "High blood pressure and prevention. Most hearts need a walk more than a pill.",
        photo=True,
    ),
    Doctor(
        "anastasiya",
        "Dr. Anastasiya Kovalenko",
        "orthopaedics",
        NEW_YORK,
        ("uk", "ru", "en", "pl"),
        "Sports injuries and backs that have sat too long.",
    ),
    Doctor(
        "jorgen",
        "Dr. Jørgen Bjørnsson-Sæther",
        "mental-health",
        BERLIN,
        ("no", "da", "en", "de"),
        "Talking therapy for adults, also in Norwegian and Danish.",
        minutes=50,
        video=True,
    ),
]

PENDING = Doctor(
    "pending",
    "Dr. Tomás Ó Súilleabháin",
    "general-practice",
    BERLIN,
    ("en", "sgn"),
    "New in town. Family medicine, also in sign language.",
)


@dataclass(frozen=True)
class Patient:
    username: str  # empty: booked by phone, no account
    name: str
    born: date
    phone: str
    zone: str = ""

    @property
    def clinic(self) -> str:
        """Where they go in person."""
        return NEW_YORK if self.phone.startswith("+1 ") else BERLIN


PATIENTS = [
    Patient("patient", "Sofia Lindqvist", date(1991, 4, 12), "+49 151 5550 101", "Europe/Berlin"),
    Patient("chidi", "Chidi Eze", date(1984, 11, 2), "+49 151 5550 102"),
    Patient("mei", "陳美玲 (Chen Mei-ling)", date(1972, 6, 30), "+1 646 555 0103"),
    Patient("yusuf", "Yusuf Demirtaş", date(1999, 1, 17), "+49 151 5550 104"),
    Patient("fatima", "فاطمة الزهراء بن علي", date(1966, 9, 8), "+1 646 555 0105"),
    Patient("joao", "João Pedro de Albuquerque Vasconcelos e Sousa", date(1958, 3, 3), ""),
    Patient("aroha", "Aroha Te Whata", date(1995, 12, 24), "+1 646 555 0107", "Pacific/Auckland"),
    Patient("raj", "Rajeshwari Subramaniam", date(1979, 7, 15), "+49 151 5550 108", "Asia/Kolkata"),
    Patient("ewa", "Ewa Wójcik-Dąbrowska", date(1988, 5, 1), "+49 151 5550 109"),
    Patient("bob", "Bo Li", date(2001, 10, 10), "+1 646 555 0110"),
    Patient("henrietta", "Henrietta O'Shaughnessy", date(1941, 2, 22), "+1 646 555 0111"),
    Patient("sven", "Sven-Åke Öhman", date(1963, 8, 19), "+49 151 5550 112"),
    Patient("", "Emil Lindqvist", date(2019, 9, 3), "+49 151 5550 101"),
    Patient("", "Margarethe Schulz", date(1934, 1, 9), "+49 30 5550 1777"),
]

CANCEL_REASON = "I am called to an emergency that day. Please choose another time, I am sorry."

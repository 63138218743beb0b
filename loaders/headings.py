"""The headings under which HR systems export people, and what of ours each of them means."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from graph import Finding

# ours -> headings that mean it, the surest first; a heading that two of ours want goes to the one that stands first here.
# English as Workday, SAP SuccessFactors, BambooHR, Personio, HiBob, ADP and others write it; then German, French, Spanish, Italian, Dutch.
PEOPLE: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "person id", "person id external", "user sys id", "user id", "guid", "object id", "hibob id", "record id", "internal id"),
    "employee_number": (
        *(
            "employee number",
            "employee id",
            "emp id",
            "employee no",
            "emp no",
            "worker id",
            "associate id",
            "employee id in company",
            "employee code",
            "emp code",
            "user employee id",
        ),
        *("staff number", "staff id", "staff no", "personnel number", "personnel no", "payroll number", "payroll id", "clock number"),
        *("personalnummer", "personal nr", "mitarbeiternummer", "mitarbeiter nr", "mitarbeiter id"),
        *("matricule", "numero employe", "id employe", "numero de empleado", "id empleado", "matricola", "personeelsnummer"),
    ),
    "email": (
        *(
            "email",
            "work email",
            "email work",
            "primary work email",
            "email primary work",
            "primary email",
            "business email",
            "company email",
            "work contact work email",
            "email address",
            "work email address",
        ),
        *(
            "business email information email address",
            "email id",
            "mail",
            "user email",
            "dienstliche email",
            "email adresse",
            "email dienstlich",
        ),
        *("adresse email", "email professionnel", "courriel", "correo electronico", "correo", "email aziendale", "emailadres"),
    ),
    "login": (
        *("login", "user name", "user principal name", "upn", "sam account name", "account name", "network id", "ad account"),
        *("benutzername", "identifiant", "usuario", "gebruikersnaam"),
    ),
    "first_name": (
        *(
            "first name",
            "given name",
            "legal first name",
            "legal name first name",
            "preferred first name",
            "preferred name first name",
            "forename",
            "vorname",
            "prenom",
        ),
        *("nombre de pila", "nombres", "voornaam"),
    ),
    "last_name": (
        *(
            "last name",
            "surname",
            "family name",
            "legal last name",
            "legal name last name",
            "preferred last name",
            "preferred name last name",
            "nachname",
            "familienname",
            "nom de famille",
        ),
        *("apellidos", "apellido", "achternaam", "cognome"),
    ),
    "name": (
        *(
            "name",
            "full name",
            "display name",
            "preferred name",
            "employee name",
            "worker name",
            "legal name",
            "formatted name",
            "common name",
            "payroll name",
        ),
        *("last name first name", "worker", "employee", "staff member", "person", "vollstandiger name", "mitarbeiter", "mitarbeitername"),
        *("nom complet", "nom", "nombre completo", "nombre", "nome completo", "nominativo", "nome", "naam", "volledige naam"),
    ),
    "position": (
        *(
            "position id",
            "position code",
            "position number",
            "position key",
            "post reference",
            "unique post reference",
            "position no",
            "post id",
        ),
        *("planstelle", "planstellennummer", "planstellen id", "stellen id", "id poste", "code poste", "codigo de puesto"),
    ),
    "position_title": ("position title", "position name", "post title", "planstellenbezeichnung", "planstellentext"),
    "title": (
        *(
            "job title",
            "business title",
            "title",
            "position title",
            "position",
            "job",
            "job name",
            "working title",
            "employee title",
            "job position",
            "designation",
            "job title description",
        ),
        *("stellenbezeichnung", "stelle", "berufsbezeichnung", "jobtitel", "funktion", "titel", "intitule du poste", "poste", "fonction"),
        *("puesto", "cargo", "qualifica", "mansione", "ruolo", "functie", "functietitel", "role", "rolle"),
    ),
    "reports_to": (
        *(
            "reports to position",
            "reports to position id",
            "parent position",
            "parent position id",
            "parent position code",
            "position manager",
        ),
        *("manager position id", "manager position", "supervisor position", "supervisor position id", "higher level position"),
        *("superior position", "reports to post", "vorgesetzte planstelle", "ubergeordnete planstelle", "poste superieur"),
    ),
    "manager_email": (
        *("manager email", "managers email", "manager email address", "manager work email", "supervisor email", "reports to email"),
        *("line manager email", "email vorgesetzter", "vorgesetzter email", "email du manager", "email responsable", "correo del jefe"),
    ),
    "manager": (
        *(
            "manager id",
            "manager employee id",
            "manager employee number",
            "managers employee id",
            "manager worker id",
            "manager worker",
            "manager number",
        ),
        *("managers id", "supervisor id", "supervisor employee id", "line manager id", "reports to id", "reports to employee id"),
        *("reports to associate id", "manager user sys id", "manager user id", "vorgesetzter id", "vorgesetzten id"),
        *("personalnummer vorgesetzter", "matricule manager", "matricule responsable", "id responsable", "id jefe"),
        *("manager", "reports to", "reporting to", "supervisor", "line manager", "direct manager", "reporting manager", "boss"),
        *("vorgesetzter", "vorgesetzte", "vorgesetzte r", "fuhrungskraft", "responsable", "responsable hierarchique", "superieur"),
        *("superieur hierarchique", "jefe", "jefe directo", "supervisor directo", "responsabile", "leidinggevende"),
    ),
    "manager_name": (
        *("manager name", "managers name", "supervisor name", "line manager name", "reports to name", "manager full name"),
        *("name vorgesetzter", "vorgesetzter name", "nom du manager", "nom responsable", "nombre del jefe"),
        *("manager", "reports to", "reporting to", "supervisor", "line manager", "vorgesetzter"),
    ),
    "unit": (
        *("unit", "department id", "department code", "department number", "dept id", "dept code", "org unit id", "organizational unit id"),
        *("org unit code", "unit id", "unit code", "abteilungsnummer", "code departement", "department", "dept", "department name"),
        *(
            "organizational unit",
            "org unit",
            "organization unit",
            "home department",
            "home department code",
            "supervisory organization",
            "abteilung",
        ),
        *("organisationseinheit", "orgeinheit", "oe", "departement", "service", "departamento", "reparto", "dipartimento", "afdeling"),
    ),
    "unit_name": (
        *("unit name", "department name", "dept name", "org unit name", "organizational unit name", "department description"),
        *("home department description", "department", "abteilungsname", "abteilung", "nom du service", "organisationseinheit"),
    ),
    "team": ("team", "team name", "squad", "sub department", "sub team", "unterabteilung", "equipe", "equipo"),
    "part_of": (
        *("parent department", "parent department id", "parent department code", "parent unit", "parent org unit", "parent organization"),
        *("superior organization", "superior unit", "parent unit id", "ubergeordnete abteilung", "ubergeordnete organisationseinheit"),
        *("departement parent", "departamento superior"),
    ),
    "division": (
        "division",
        "business unit",
        "division name",
        "directorate",
        "business unit name",
        "bereich",
        "geschaftsbereich",
        "direction",
        "division nombre",
    ),
    "company": (
        *("company", "legal entity", "company name", "legal entity name", "legal employer", "gesellschaft", "firma", "unternehmen"),
        *("societe", "entreprise", "entite", "empresa", "sociedad", "azienda", "societa", "bedrijf"),
    ),
    "head": ("head", "department head", "head of department", "unit head", "abteilungsleiter", "abteilungsleitung", "chef de service"),
    "location": (
        *(
            "location",
            "work location",
            "office location",
            "office",
            "location name",
            "work site",
            "site",
            "location description",
            "buro",
            "standort",
            "arbeitsort",
        ),
        *("lieu de travail", "lieu", "ubicacion", "sede", "centro de trabajo", "vestiging", "locatie"),
    ),
    "employment": (
        *(
            "employment",
            "employment status",
            "employee status",
            "worker status",
            "lifecycle status",
            "position status",
            "status",
            "active status",
            "is active",
            "active",
        ),
        *("beschaftigungsstatus", "statut", "estado", "stato"),
    ),
    "employee_type": (
        *(
            "employee type",
            "employment type",
            "worker type",
            "worker sub type",
            "contract type",
            "employment contract",
            "beschaftigungsart",
            "vertragsart",
        ),
        *("type de contrat", "tipo de contrato", "tipo di contratto"),
    ),
    "cost_center": (
        "cost center",
        "cost centre",
        "cost center code",
        "cost center name",
        "kostenstelle",
        "centre de cout",
        "centro de costo",
    ),
    "fte": (
        "fte",
        "full time equivalent",
        "full time equivalents",
        "fte percent",
        "position fte",
        "weekly fte",
        "beschaftigungsgrad",
        "etp",
    ),
    "since": (
        *(
            "since",
            "hire date",
            "start date",
            "original hire date",
            "date of hire",
            "hired on",
            "joining date",
            "date joined",
            "entry date",
        ),
        *("eintrittsdatum", "eintritt", "einstellungsdatum", "date d embauche", "date d entree", "fecha de ingreso", "datum in dienst"),
    ),
    "left_on": (
        *(
            "termination date",
            "date of termination",
            "last day of work",
            "leave date",
            "exit date",
            "austrittsdatum",
            "austritt",
            "date de sortie",
        ),
        *("date de depart", "fecha de baja", "datum uit dienst"),
    ),
    "roles": ("roles", "functional roles", "rollen"),
}


@dataclass(frozen=True)
class Guess:
    """Which of ours a table's headings mean: `columns` theirs -> ours; `rivals` are pairs of headings (read, left) for one of ours."""

    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    rivals: tuple[tuple[str, str, str], ...] = ()


@lru_cache(1 << 12)
def bare(heading: str) -> str:
    """A heading for comparing: words in small letters without accents and marks; `#` is a number, `e-mail` is one word."""
    heading = re.sub(r"\s*[\[(](?:required|optional|mandatory|pflichtfeld)[\])]\s*$", "", heading.replace("ß", "ss"), flags=re.IGNORECASE)
    plain = unicodedata.normalize("NFKD", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading).casefold())
    plain = "".join(one for one in plain if not unicodedata.combining(one)).replace("#", " number ")
    plain = re.sub(r"\be[\s_-]mail", "email", plain).replace("user name", "username").replace("username", "user name")
    return " ".join(re.sub(r"[^\w]|_", " ", plain.replace("'s", "s").replace("\u2019s", "s")).split())


def guess(headings: Iterable[str], known: Mapping[str, tuple[str, ...]]) -> Guess:
    """What these headings mean, each at most one of ours and each of ours at most once; the surer wins, and its rival is told.

    Blanks mean nothing: `FIRSTNAME` is `First Name`.
    """
    return _guessed(tuple(headings), tuple(known.items()))


@lru_cache(1 << 8)  # the files of a folder have the same headings
def _guessed(headings: tuple[str, ...], known: tuple[tuple[str, tuple[str, ...]], ...]) -> Guess:
    plain = {heading: bare(heading).replace(" ", "") for heading in headings}
    sure = {ours: {word.replace(" ", ""): rank for rank, word in reversed(list(enumerate(words)))} for ours, words in known}
    columns: dict[str, str] = {}
    for ours, ranks in sure.items():
        free = [heading for heading in plain if heading not in columns and plain[heading] in ranks]
        if free:
            best = min(ranks[plain[heading]] for heading in free)
            columns[next(heading for heading in free if ranks[plain[heading]] == best)] = ours
    taken = {ours: theirs for theirs, ours in columns.items()}
    rivals: list[tuple[str, str, str]] = []
    for heading in (one for one in plain if one not in columns):
        wanted = next((ours for ours, ranks in sure.items() if plain[heading] in ranks), "")
        if wanted:
            rivals.append((wanted, taken[wanted], heading))
    return Guess(columns, tuple(rivals))


def taking(name: str, columns: Mapping[str, str]) -> Iterator[Finding]:
    """The note of what the headings of the file of this name were taken for (theirs -> ours); none where nothing was guessed."""
    if columns:
        said = ", ".join(f"{theirs!r} is {ours}" for theirs, ours in columns.items())
        remedy = "If one is wrong, say what it is under `columns:` in the workspace file."
        message = f"{name}: taken by its headings: {said}"
        yield Finding(id=f"columns:{name}", check="columns", level="note", subject=name, message=message, remedy=remedy)

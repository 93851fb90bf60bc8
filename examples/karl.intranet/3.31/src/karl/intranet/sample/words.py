"""What the made-up documents are made of."""

FIRST_NAMES = """
    Ada Amara Anders Aoife Beatriz Carlos Chidi Clara Dara Diego Elif Emeka Erik Esi
    Fatou Femi Freya Giulia Hana Hugo Ines Ivo Jonas Kaito Kamala Karin Lars Leila Lucía
    Maarten Mads Malik Marta Mei Mira Nadia Nils Noor Olga Oskar Paola Pedro Priya
    Rafael Ravi Rosa Salma Sanna Sofia Tariq Tomás Uma Wanjiru Yara Yuki Zoë
""".split()

LAST_NAMES = """
    Abara Acheson Almeida Andersen Bakker Baptiste Bergström Bianchi Calloway Castro
    Chen Costa Dahl Desai Diallo Duarte Eklund Farouk Ferreira Fischer Gallagher Haddad
    Hansen Hartono Ibarra Ito Jansen Kamau Kaya Keller Kovács Lindqvist Lopes Mbeki
    Moreau Müller Nakamura Ndiaye Novák Okafor Olsen Pereira Petrov Quispe Rao Rossi
    Salazar Sato Sørensen Tanaka Toth Umarov Varga Weber Wójcik Yilmaz Zamora
""".split()

POSITIONS = (
    "Programme officer",
    "Regional coordinator",
    "Field engineer",
    "Research analyst",
    "Grants manager",
    "Communications lead",
    "Finance assistant",
    "Legal adviser",
    "Training specialist",
    "Data steward",
    "Logistics planner",
    "Librarian",
)

TOPICS = (
    "water supply",
    "public health",
    "school libraries",
    "solar lighting",
    "open data",
    "community radio",
    "road safety",
    "coastal erosion",
    "seed banks",
    "vaccination",
    "rural transport",
    "waste recycling",
    "emergency shelter",
    "digital literacy",
    "housing repair",
    "river monitoring",
    "food storage",
    "legal aid",
)

GROUPS = ("network", "working group", "task force", "forum", "programme", "team")

DOCUMENTS = (
    "Minutes of the {topic} meeting",
    "Guide to {topic}",
    "{topic}: lessons learned",
    "Budget notes for {topic}",
    "Field visit report on {topic}",
    "Frequently asked questions about {topic}",
    "Partners in {topic}",
    "Plan for {topic} next year",
    "Checklist for {topic}",
    "Interview about {topic}",
)

HEADINGS = (
    "Background",
    "What we found",
    "Decisions",
    "Open questions",
    "Next steps",
    "Costs",
    "Who does what",
    "Risks",
)

SUBJECTS = (
    "the local committee",
    "our partner in the district",
    "the survey team",
    "the finance group",
    "the evaluation",
    "a group of volunteers",
    "the regional office",
    "the pilot project",
    "the supplier",
    "every household in the sample",
)

VERBS = (
    "agreed to review",
    "has nearly finished",
    "asked for more time for",
    "will publish",
    "compared three options for",
    "was surprised by",
    "recommends to extend",
    "postponed",
    "documented",
    "shared its experience with",
)

OBJECTS = (
    "the maintenance schedule",
    "the training material",
    "the second phase of {topic}",
    "the inventory of spare parts",
    "the agreement with the ministry",
    "the results on {topic}",
    "the cost estimate",
    "the translated handbook",
    "the list of contacts",
    "the procurement rules",
)

CLOSINGS = (
    "before the rains start",
    "because prices have risen again",
    "as the board had hoped",
    "although two sites are still missing",
    "together with the university",
    "at the end of the quarter",
    "without any extra cost",
    "after a long discussion",
)

SYLLABLES = """
    ba ko ri ta mu se lo na vi du fe ga hi jo ke li mo pa ru sa te wa yo za
""".split()

FILE_TYPES = (
    ("pdf", "application/pdf"),
    ("csv", "text/csv"),
    ("png", "image/png"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("zip", "application/zip"),
)

"""What a simulation is told: findings, reports, regions, devices."""

from sequela.conditioning.brief import Brief
from sequela.conditioning.devices import Devices, find_devices
from sequela.conditioning.domain import check_domain, looks_like
from sequela.conditioning.instructions import Instructions, Wish
from sequela.conditioning.placing import place_region
from sequela.conditioning.regions import PROVIDERS, AutoRegion, RegionRequest, auto_region
from sequela.conditioning.reports import Report, ReportedFinding, read_report
from sequela.conditioning.vocabulary import (
    CHEST,
    FUNDUS,
    SKIN,
    VOCABULARIES,
    Vocabulary,
    vocabulary_of,
)

__all__ = [
    "CHEST",
    "FUNDUS",
    "PROVIDERS",
    "SKIN",
    "VOCABULARIES",
    "AutoRegion",
    "Brief",
    "Devices",
    "Instructions",
    "RegionRequest",
    "Report",
    "ReportedFinding",
    "Vocabulary",
    "Wish",
    "auto_region",
    "check_domain",
    "find_devices",
    "looks_like",
    "place_region",
    "read_report",
    "vocabulary_of",
]

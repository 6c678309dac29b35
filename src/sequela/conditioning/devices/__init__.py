"""Hardware on chest films: found, protected, and told when a simulation invents it."""

from sequela.conditioning.devices.finder import (
    Devices,
    Part,
    devices_on,
    find_devices,
    invented_devices,
    protected_region,
)

__all__ = [
    "Devices",
    "Part",
    "devices_on",
    "find_devices",
    "invented_devices",
    "protected_region",
]

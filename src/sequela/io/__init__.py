"""The only room that opens and writes image files: scans, regions, arrays, run folders, DICOM."""

from sequela.io.arrays import read_array, write_array
from sequela.io.atomic import atomic_folder
from sequela.io.dicom_write import DicomSeries, write_derived_dicom, write_derived_series
from sequela.io.kinds import find_images
from sequela.io.run_read import read_run
from sequela.io.run_write import write_states
from sequela.io.scans import read_region_file, read_scan
from sequela.io.texts import read_text
from sequela.io.visits import same_patient, visit_date
from sequela.io.volumes import AcquiredVolume, is_volume_path, read_volume

__all__ = [
    "AcquiredVolume",
    "DicomSeries",
    "atomic_folder",
    "find_images",
    "is_volume_path",
    "read_array",
    "read_region_file",
    "read_run",
    "read_scan",
    "read_text",
    "read_volume",
    "same_patient",
    "visit_date",
    "write_array",
    "write_derived_dicom",
    "write_derived_series",
    "write_states",
]

"""Small real files, built on the spot."""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from sequela.core import (
    Branch,
    Condition,
    Finding,
    Record,
    Region,
    Scan,
    Source,
    State,
    Trajectory,
    Window,
)
from sequela.imaging import quantise


def ramp(height: int = 20, width: int = 30, dtype: str = "uint8", top: int = 250) -> np.ndarray:
    values = np.linspace(0, top, height * width).reshape(height, width)
    return values.astype(dtype)


def save_picture(path: Path, array: np.ndarray, kind: str = "PNG", **options: Any) -> Path:
    Image.fromarray(array).save(path, kind, **options)
    return path


def dicom_bytes(stored: np.ndarray, **attributes: Any) -> bytes:
    """A DICOM file around an array, with any attribute on top."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.SOPInstanceUID = "1.2.3.4"
    dataset.PatientName, dataset.PatientID = "Doe^Jane", "12345"
    dataset.Modality = "CR"
    frames = attributes.get("NumberOfFrames")
    shape = stored.shape[1:] if frames else stored.shape
    dataset.Rows, dataset.Columns = shape[:2]
    dataset.SamplesPerPixel = 3 if len(shape) == 3 else 1
    dataset.PhotometricInterpretation = "RGB" if len(shape) == 3 else "MONOCHROME2"
    if len(shape) == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = 8 * stored.dtype.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    dataset.PixelData = stored.tobytes() + b"\0" * (stored.nbytes % 2)
    dataset["PixelData"].VR = "OW" if stored.dtype.itemsize > 1 else "OB"
    file = io.BytesIO()
    with warnings.catch_warnings():  # some samples break the standard on purpose
        warnings.simplefilter("ignore")
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def save_dicom(path: Path, stored: np.ndarray, **attributes: Any) -> Path:
    path.write_bytes(dicom_bytes(stored, **attributes))
    return path


def a_record(**changes: Any) -> Record:
    values: dict[str, Any] = {
        "method": "progressive-editing",
        "config": {"strength": 0.5},
        "request": {"findings": ["pneumonia"]},
        "seed": 3,
        "threads": 1,
        "device": "cpu",
        "model": {"name": "chest-mini"},
        "inputs": ({"name": "a.png", "role": "scan", "sha256": "0"},),
        "versions": {"sequela": "0"},
        "created": "2026-01-01T00:00:00+00:00",
        "notices": ("a notice",),
    }
    return Record(**values | changes)


def a_trajectory(array: np.ndarray, **scan: Any) -> Trajectory:
    """Two branches and a what-if, with regions, spread, latents and times."""
    rng = np.random.default_rng(0)
    space = array.shape[:-1] if array.ndim == 3 and array.shape[-1] == 3 else array.shape
    region = Region(array=quantise(rng.random(space, dtype=np.float32)), origin="auto: lungs")
    other = Region(array=quantise(rng.random(space, dtype=np.float32)), origin="left.png")
    changed = array.copy()
    changed.flat[0] = array.flat[-1]
    condition = Condition(
        findings=(
            Finding(name="Pleural effusion", text="effusion", weight=0.1, region=other),
            Finding(name="Edema", text="edema", region=region),
        ),
        negative_prompt="blur",
    )
    states = (
        State(image=array, kind="observed", step=0, time_years=0.0),
        State(
            image=changed,
            kind="simulated",
            step=1,
            time_years=1 / 3,
            scores={"mean_change": 0.1, "unknown": float("nan")},
        ),
    )
    latents = rng.normal(size=(2, 4, 3, 3)).astype(np.float32)
    child = Branch(
        id="branch-1",
        states=(State(image=array, kind="simulated", step=2),),
        condition=Condition(findings=(Finding(name="No finding", text="clear"),)),
        parent="main",
        from_state=1,
        region="effective-branch-1",
    )
    main = Branch(
        id="main", states=states, condition=condition, time_basis="asserted", latents=latents
    )
    sample = Branch(id="sample-1", states=states, condition=condition, sample=1, arm="placebo")
    values: dict[str, Any] = {
        "modality": "xray",
        "window": Window(low=0.1, high=250.7, origin="header"),
        "source": Source(name="a.png", sha256="ab"),
        "spacing_mm": (0.1, 0.2),
    }
    return Trajectory(
        scan=Scan(array=array, **values | scan),
        branches=(main, sample, child),
        record=a_record(),
        regions={"effective": region, "effective-branch-1": other, "finding-Edema": region},
        uncertainty={"spread": rng.random(space, dtype=np.float32)},
    )

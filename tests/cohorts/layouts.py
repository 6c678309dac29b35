"""Miniature copies of public data sets, each in its real layout, drawn on the spot."""

import csv
import gzip
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from sequela.cohorts.chest_labels import COLUMNS

STUDY = "study1/view1_frontal.jpg"
CHEXPERT_HEADER = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *COLUMNS)
PLUS_HEADER = (
    *("path_to_image", "path_to_dcm", "frontal_lateral", "ap_pa", "deid_patient_id"),
    *("patient_report_date_order", "report", "section_narrative", "section_findings"),
    *("section_impression", "age", "sex", "race", "ethnicity", "split"),
)
HAM = (  # image, lesion, diagnosis, part
    ("ISIC_0027419", "HAM_0000118", "bkl", 1),
    ("ISIC_0025030", "HAM_0000118", "bkl", 2),
    ("ISIC_0024306", "HAM_0000550", "nv", 1),
    ("ISIC_0024310", "HAM_0003292", "mel", 2),
    ("ISIC_0024324", "HAM_0005388", "akiec", 1),
    ("ISIC_0024330", "HAM_0004568", "df", 2),
    ("ISIC_0024331", "HAM_0000001", "bcc", 1),
    ("ISIC_0024370", "HAM_0000002", "vasc", 2),
)
CODES = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")


def draw_image(path: Path) -> None:
    """A tiny image in the format that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ramp = np.linspace(20, 220, 16 * 16 * 3).reshape(16, 16, 3)
    Image.fromarray(ramp.astype(np.uint8)).save(path)


def write_table(path: Path, header, rows) -> None:
    """Rows are dictionaries; what they leave out is blank. A name in .gz is packed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, header)
    writer.writeheader()
    writer.writerows(rows)
    data = text.getvalue().encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def rewrite(path: Path, old: str, new: str) -> None:
    """Replace words of a text file that must hold them."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _film(patient: str, part: str, labels: dict[str, str], **cells: str) -> dict[str, str]:
    path = f"CheXpert-v1.0-small/{part}/{patient}/{STUDY}"
    usual = {"Sex": "Female", "Age": "68", "Frontal/Lateral": "Frontal", "AP/PA": "AP"}
    return {"Path": path, **usual, **cells, **labels}


def draw_chexpert(root: Path) -> Path:
    """CheXpert-v1.0-small with five training films, of which three count, and one of valid."""
    sick = {"Cardiomegaly": "1.0", "Edema": "1.0", "Fracture": "0.0", "Pneumonia": "-1.0"}
    lateral = {"Frontal/Lateral": "Lateral", "AP/PA": ""}
    train = [
        _film("patient00001", "train", sick),
        _film("patient00002", "train", {"No Finding": "1.0", "Support Devices": "1.0"}, Sex="Male"),
        _film("patient00003", "train", {"Pleural Effusion": "1.0", "Fracture": "1.0"}),
        _film("patient00003", "train", {}, **lateral),
        _film("patient00004", "train", sick, **{"AP/PA": "LL"}),
    ]
    train[3]["Path"] = train[3]["Path"].replace("view1_frontal", "view2_lateral")
    valid = [_film("patient64541", "valid", {"Edema": "0.0"}, **{"AP/PA": "PA", "Age": ""})]
    for part, rows in (("train", train), ("valid", valid)):
        write_table(root / "CheXpert-v1.0-small" / f"{part}.csv", CHEXPERT_HEADER, rows)
        for row in rows:
            draw_image(root / row["Path"])
    return root


def draw_chexpert_plus(root: Path) -> Path:
    """chexpert-plus with three films; the last has no line in the label file."""
    folder = root / "chexpert-plus"
    rows, lines = [], []
    for patient, part, impression in (
        ("patient42142", "train", "1. Mild edema,\nunchanged."),
        ("patient42143", "train", ""),
        ("patient64541", "valid", "No acute disease."),
    ):
        place = f"{part}/{patient}/{STUDY}"
        draw_image(folder / "PNG" / place.replace(".jpg", ".png"))
        rows.append(
            {
                "path_to_image": place,
                "frontal_lateral": "Frontal",
                "ap_pa": "AP",
                "deid_patient_id": patient,
                "section_findings": "Clear lungs.",
                "section_impression": impression,
                "age": "71.0",
                "sex": "Male",
                "split": part,
            }
        )
        label = {"path_to_image": place, **dict.fromkeys(COLUMNS), "Edema": 1.0, "Pneumonia": -1.0}
        lines.append(json.dumps(label))
    write_table(folder / "df_chexpert_plus_240401.csv", PLUS_HEADER, rows)
    labels = folder / "chexbert_labels" / "impression_fixed.json"
    labels.parent.mkdir()
    labels.write_text("\n".join(lines[:2]) + "\n")
    return root


def draw_mimic(root: Path) -> Path:
    """What wget makes of MIMIC-CXR-JPG 2.1.0: packed tables, films below files."""
    folder = root / "physionet.org" / "files" / "mimic-cxr-jpg" / "2.1.0"
    films = [  # dicom, subject, study, view, side
        ("02aa804e", "10000032", "50414267", "PA", "train"),
        ("174413ec", "10000032", "50414267", "LATERAL", "train"),
        ("2a2277a9", "10000764", "57375967", "AP", "validate"),
        ("68b5c4b1", "11000183", "51967845", "AP", "test"),
    ]
    names = ("dicom_id", "subject_id", "study_id", "ViewPosition", "split")
    rows = [dict(zip(names, film, strict=True)) for film in films]
    for row in rows:
        subject, study = row["subject_id"], row["study_id"]
        place = f"files/p{subject[:2]}/p{subject}/s{study}/{row['dicom_id']}.jpg"
        draw_image(folder / place)
    split = [{k: v for k, v in row.items() if k != "ViewPosition"} for row in rows]
    write_table(
        folder / "mimic-cxr-2.0.0-split.csv.gz",
        ("dicom_id", "study_id", "subject_id", "split"),
        split,
    )
    metadata = [{k: v for k, v in row.items() if k != "split"} for row in rows]
    header = (
        *("dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription"),
        *("ViewPosition", "Rows", "Columns", "StudyDate", "StudyTime"),
    )
    write_table(folder / "mimic-cxr-2.0.0-metadata.csv.gz", header, metadata)
    labels = [
        {"subject_id": "10000032", "study_id": "50414267", "No Finding": "1.0"},
        {"subject_id": "10000764", "study_id": "57375967", "Pleural Effusion": "1.0"},
    ]
    header = ("subject_id", "study_id", *COLUMNS)
    write_table(folder / "mimic-cxr-2.0.0-chexpert.csv.gz", header, labels)
    return root


def draw_ham10000(root: Path) -> Path:
    """HAM10000 as Kaggle packs it: a table and two folders of images."""
    folder = root / "HAM10000"
    rows = []
    for image, lesion, diagnosis, part in HAM:
        draw_image(folder / f"HAM10000_images_part_{part}" / f"{image}.jpg")
        rows.append(
            {
                "lesion_id": lesion,
                "image_id": image,
                "dx": diagnosis,
                "dx_type": "histo",
                "age": "80.0" if diagnosis != "nv" else "",
                "sex": "male" if diagnosis != "nv" else "unknown",
                "localization": "scalp",
            }
        )
    write_table(folder / "HAM10000_metadata.csv", tuple(rows[0]), rows)
    return root


def draw_isic_2018(root: Path, parts: tuple[str, ...] = ("Training", "Validation", "Test")) -> Path:
    """The parts of task 3, with the lesions of the training images."""
    folder = root / "isic-2018"
    images = {
        "Training": [(image, code.upper()) for image, _, code, _ in HAM],
        "Validation": [("ISIC_0034321", "NV")],
        "Test": [("ISIC_0034524", "MEL")],
    }
    for part in parts:
        rows = []
        for image, hot in images[part]:
            draw_image(folder / f"ISIC2018_Task3_{part}_Input" / f"{image}.jpg")
            rows.append({"image": image, **dict.fromkeys(CODES, "0.0"), hot: "1.0"})
        name = f"ISIC2018_Task3_{part}_GroundTruth"
        write_table(folder / name / f"{name}.csv", ("image", *CODES), rows)
    write_table(
        folder / "ISIC2018_Task3_Training_LesionGroupings.csv",
        ("image", "lesion_id", "diagnosis_confirm_type"),
        [{"image": image, "lesion_id": lesion} for image, lesion, _, _ in HAM],
    )
    return root


def draw_isic_2024(root: Path) -> Path:
    """isic-2024-challenge with a diagnosis of every kind, and one crop that is only benign."""
    folder = root / "isic-2024-challenge"
    melanoma = "Malignant::Malignant melanocytic proliferations (Melanoma)::Melanoma in situ"
    follicular = "Malignant::Malignant adnexal epithelial proliferations - Follicular"
    diagnoses = (
        "Benign",
        "Benign::Benign melanocytic proliferations::Nevus::Nevus, Spitz",
        f"{melanoma}::Melanoma in situ, Lentigo maligna type",
        f"{follicular}::Basal cell carcinoma::Basal cell carcinoma, Nodular",
        "Indeterminate::Indeterminate epidermal proliferations::Solar or actinic keratosis",
        "Benign::Benign epidermal proliferations::Seborrheic keratosis",
        "Benign::Benign soft tissue proliferations - Fibro-histiocytic::Dermatofibroma",
        "Benign::Benign soft tissue proliferations - Vascular::Hemangioma::Hemangioma, Cherry",
        "Malignant::Malignant epidermal proliferations::Squamous cell carcinoma, Invasive",
    )
    rows = []
    for number, diagnosis in enumerate(diagnoses):
        image = f"ISIC_{15670 + number:07d}"
        draw_image(folder / "train-image" / "image" / f"{image}.jpg")
        rows.append(
            {
                "isic_id": image,
                "target": "1" if diagnosis.startswith("Malignant") else "0",
                "patient_id": f"IP_{1235828 + number // 2}",
                "age_approx": "60.0",
                "sex": "male",
                "image_type": "TBP tile: close-up",
                "iddx_full": diagnosis,
            }
        )
    write_table(folder / "train-metadata.csv", tuple(rows[0]), rows)
    return root


def draw_eyepacs(root: Path, *, test: bool = False) -> Path:
    """diabetic-retinopathy-detection with both eyes of three patients, and of two more."""
    folder = root / "diabetic-retinopathy-detection"
    train = {"10_left": 0, "10_right": 1, "13_left": 2, "13_right": 0, "15_left": 3, "15_right": 4}
    rows = [{"image": name, "level": str(level)} for name, level in train.items()]
    write_table(folder / "trainLabels.csv", ("image", "level"), rows)
    for name in train:
        draw_image(folder / "train" / f"{name}.jpeg")
    if test:
        usage = {"1_left": "Private", "1_right": "Private", "2_left": "Public", "2_right": "Public"}
        rows = [{"image": name, "level": "0", "Usage": used} for name, used in usage.items()]
        write_table(folder / "retinopathy_solution.csv", ("image", "level", "Usage"), rows)
        for name in usage:
            draw_image(folder / "test" / f"{name}.jpeg")
    return root


def draw_plain(root: Path) -> Path:
    """images.csv with a film of each of two patients, and one that nobody has labelled."""
    for name in ("a.png", "b.png", "more/c.png"):
        draw_image(root / name)
    rows = [
        {"file": "a.png", "findings": "Edema|Cardiomegaly", "patient": "p1", "view": "PA"},
        {"file": "b.png", "findings": "", "patient": "p2"},
        {"file": "more/c.png", "findings": "?", "patient": "p1", "text": "Earlier film, lost"},
    ]
    write_table(root / "images.csv", ("file", "findings", "patient", "view", "text"), rows)
    return root


DRAWN = {  # cohort: how it is drawn, and the vocabulary that knows its findings
    "chexpert": (draw_chexpert, "chest"),
    "chexpert-plus": (draw_chexpert_plus, "chest"),
    "mimic-cxr-jpg": (draw_mimic, "chest"),
    "eyepacs": (draw_eyepacs, "fundus"),
    "ham10000": (draw_ham10000, "skin"),
    "isic-2018": (draw_isic_2018, "skin"),
    "isic-2024": (draw_isic_2024, "skin"),
    "plain-csv": (draw_plain, "chest"),
}

"""The papers behind each method, as BibTeX."""

_PIE = """@article{liang2023pie,
  title={PIE: Simulating Disease Progression via Progressive Image Editing},
  author={Liang, Kaizhao and Cao, Xu and Liao, Kuei-Da and Gao, Tianren and others},
  journal={arXiv:2309.11745}, year={2023}
}"""
_LDM = """@inproceedings{rombach2022ldm,
  title={High-Resolution Image Synthesis with Latent Diffusion Models},
  author={Rombach, Robin and Blattmann, Andreas and Lorenz, Dominik and Esser, Patrick and
    Ommer, Bj{\\"o}rn},
  booktitle={CVPR}, year={2022}
}"""
_DPM = """@article{lu2022dpmsolverpp,
  title={DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models},
  author={Lu, Cheng and Zhou, Yuhao and Bao, Fan and Chen, Jianfei and Li, Chongxuan and Zhu, Jun},
  journal={arXiv:2211.01095}, year={2022}
}"""
_CFG = """@article{ho2022cfg,
  title={Classifier-Free Diffusion Guidance},
  author={Ho, Jonathan and Salimans, Tim}, journal={arXiv:2207.12598}, year={2022}
}"""
_COMPOSE = """@inproceedings{liu2022composable,
  title={Compositional Visual Generation with Composable Diffusion Models},
  author={Liu, Nan and Li, Shuang and Du, Yilun and Torralba, Antonio and Tenenbaum, Joshua B.},
  booktitle={ECCV}, year={2022}
}"""
_SDEDIT = """@inproceedings{meng2022sdedit,
  title={SDEdit: Guided Image Synthesis and Editing with Stochastic Differential Equations},
  author={Meng, Chenlin and He, Yutong and Song, Yang and Song, Jiaming and Wu, Jiajun and others},
  booktitle={ICLR}, year={2022}
}"""
_NIH = """@inproceedings{wang2017chestxray8,
  title={ChestX-ray8: Hospital-scale Chest X-ray Database and Benchmarks},
  author={Wang, Xiaosong and Peng, Yifan and Lu, Le and Lu, Zhiyong and
    Bagheri, Mohammadhadi and Summers, Ronald M.},
  booktitle={CVPR}, year={2017}
}"""
_COVID = """@article{cohen2020covid,
  title={COVID-19 Image Data Collection: Prospective Predictions Are the Future},
  author={Cohen, Joseph Paul and Morrison, Paul and Dao, Lan and Roth, Karsten and others},
  journal={arXiv:2006.11988}, year={2020}
}"""

_SEINE = """@inproceedings{chen2024seine,
  title={SEINE: Short-to-Long Video Diffusion Model for Generative Transition and Prediction},
  author={Chen, Xinyuan and Wang, Yaohui and Zhang, Lingjun and Zhuang, Shaobin and others},
  booktitle={ICLR}, year={2024}
}"""

_NET2 = """@article{favero2025net2,
  title={Spatio-Temporal Conditional Diffusion Models for Forecasting Future Multiple Sclerosis
    Lesion Masks Conditioned on Treatments},
  author={Favero, Gian Mario and Luo, Ge Ya and Fathi, Nima and Szeto, Justin and
    Arnold, Douglas L. and Nichyporuk, Brennan and Pal, Chris and Arbel, Tal},
  journal={arXiv:2508.07006}, year={2025}
}"""
_LJUBLJANA = """@article{lesjak2018ms,
  title={A novel public MR image dataset of multiple sclerosis patients with lesion segmentations
    based on multi-rater consensus},
  author={Lesjak, \\v{Z}iga and others}, journal={Neuroinformatics}, year={2018},
  doi={10.1007/s12021-017-9348-7}
}"""

_VQGAN4D = """@inproceedings{zhao2025vqgan4d,
  title={4D-VQ-GAN: Synthesising Medical Scans at Any Time Point for Personalised Disease
    Progression Modelling of Idiopathic Pulmonary Fibrosis},
  author={Zhao, An and Xu, Moucheng and Shahin, Ahmed H. and Wuyts, Wim and Jones, Mark G. and
    Jacob, Joseph and Alexander, Daniel C.},
  booktitle={MIDL}, year={2025}, note={arXiv:2502.05713}
}"""
_DEMONS = """@article{vercauteren2009demons,
  title={Diffeomorphic demons: Efficient non-parametric image registration},
  author={Vercauteren, Tom and Pennec, Xavier and Perchant, Aymeric and Ayache, Nicholas},
  journal={NeuroImage}, year={2009}
}"""
_CONVEX_ADAM = """@article{siebert2021convexadam,
  title={Fast 3D registration with accurate optimisation and little learning for Learn2Reg 2021},
  author={Siebert, Hanna and Hansen, Lasse and Heinrich, Mattias P.},
  year={2021}, note={arXiv:2112.03053}
}"""

SOURCES: dict[str, tuple[str, ...]] = {
    "progressive-editing": (_PIE, _LDM, _DPM, _CFG, _COMPOSE),
    "transition": (_SDEDIT,),
    "seine": (_SEINE,),
    "lesion-forecast": (_NET2, _LJUBLJANA),
    "lung-forecast": (_VQGAN4D, _CONVEX_ADAM, _DEMONS),
    "chest-mini": (_NIH, _COVID),
}
